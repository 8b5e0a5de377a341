"""Loss and jitter."""

from chat_voice_webrtc.media.meter import Meter


def test_loss_is_what_never_came() -> None:
    meter = Meter(48_000)
    for number in (65_534, 65_535, 1, 2, 4):
        meter.add(number & 0xFFFF, 0, 10, 0.0)
    assert (meter.packets, meter.expected, meter.lost) == (5, 7, 2)
    assert meter.extended_highest == 65_540
    assert meter.fraction_lost() == 2 * 256 // 7
    assert meter.fraction_lost() == 0
    assert meter.add(3, 0, 10, 0.0) == -1
    assert meter.lost == 1


def test_a_steady_stream_has_no_jitter_and_a_shaken_one_has() -> None:
    steady, shaken = Meter(48_000), Meter(48_000)
    for number in range(200):
        steady.add(number, 960 * number, 10, 0.02 * number)
        shaken.add(number, 960 * number, 10, 0.02 * number + (0.01 if number % 2 else 0))
    assert steady.jitter < 1
    assert 450 < shaken.jitter < 500  # 10 ms are 480


def test_a_timestamp_that_goes_round_or_jumps_is_no_jitter() -> None:
    meter = Meter(48_000)
    for number in range(100):
        meter.add(number, (2**32 - 48_000 + 960 * number) % 2**32, 10, 0.02 * number)
    meter.add(100, 1_700_000_000, 10, 2.0)
    assert meter.jitter < 1
