"""Pictures that are left out while a network is full."""

import attrs

from chat_voice_webrtc.media import rtcp, rtp
from chat_voice_webrtc.media.negotiation import Slot
from chat_voice_webrtc.media.slots import VideoSlot
from chat_voice_webrtc.media.strain import GOOD, LONGEST, PAUSE, REPORTS, Strain


def _pauses(strain: Strain, now: float) -> bool:
    return [strain.reported(0.3, now) for _ in range(REPORTS)] == [False] * (REPORTS - 1) + [True]


def test_loss_that_lasts_makes_a_pause_and_less_or_shorter_does_not() -> None:
    strain = Strain()
    for lost in (0.3, 0.3, 0.1, 0.3, 0.3, 0.02):
        assert not strain.reported(lost, 0.0)
    assert _pauses(strain, 10.0)
    assert strain.paused
    assert not strain.reported(1.0, 11.0)
    assert not strain.over(10.0 + PAUSE - 0.1)
    assert strain.over(10.0 + PAUSE)
    assert not strain.paused


def test_pauses_grow_until_the_network_was_good_for_a_while() -> None:
    strain, now, found = Strain(), 0.0, []
    for _ in range(6):
        assert _pauses(strain, now)
        began = now
        while not strain.over(now):
            now += 1
        found.append(now - began)
    assert found == [5, 10, 20, 40, LONGEST, LONGEST]
    for _ in range(GOOD):
        strain.reported(0.0, now)
    assert _pauses(strain, now)
    assert strain.over(now + PAUSE)


@attrs.define(eq=False)
class _Client:
    """Of `Client`, what slots use."""

    connected: bool = True
    sent: list[rtp.Packet] = attrs.field(factory=list)

    def send_rtp(self, data: bytes) -> int:
        packet = rtp.parse(data)
        assert packet is not None
        self.sent.append(packet)
        return len(data)


class _Source:
    """Of a stream, what slots use."""

    def __init__(self) -> None:
        self.slots: list[object] = []


def _slot() -> tuple[VideoSlot, _Client]:
    client = _Client()
    plan = Slot(
        mid="1", kind="video", ssrc=7, payload_types={"h264": 96}, clock_rate=90_000, level_extension=0, mid_extension=0
    )
    slot = VideoSlot(plan, client)  # type: ignore[arg-type]
    slot.show(_Source())  # type: ignore[arg-type]
    return slot, client


def test_a_slot_goes_on_at_a_key_frame_and_without_a_gap() -> None:
    slot, client = _slot()

    def forward(sequence: int, key_frame: bool, now: float) -> None:
        packet = rtp.parse(rtp.build(0, 96, sequence, 3000 * sequence, 1, b"", b"picture"))
        assert packet is not None
        slot.forward(packet, "h264", key_frame, None, now)

    forward(10, True, 0.0)
    forward(11, False, 0.1)
    for _ in range(REPORTS):
        slot.reported(rtcp.Report(7, 100, 40, 0, 0, 0, 0), 1.0)
    forward(12, True, 2.0)
    assert (len(client.sent), slot.wants_key_frame) == (2, False)
    assert slot.strain.over(1.0 + PAUSE)
    assert slot.wants_key_frame
    forward(60, False, 7.0)
    assert len(client.sent) == 2
    forward(61, True, 7.1)
    forward(62, False, 7.2)
    numbers = [packet.sequence for packet in client.sent]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
