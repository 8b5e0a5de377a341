"""One stream out of many."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media.rewriter import Rewriter


def test_a_new_speaker_goes_on_where_the_last_one_stopped() -> None:
    rewriter = Rewriter(48_000, 99, 5_000)
    assert rewriter.map(7, 1_000, 0.0) == (100, 5_000)
    assert rewriter.map(8, 1_960, 0.02) == (101, 5_960)
    rewriter.switch()
    assert rewriter.map(60_000, 900_000, 0.04) == (102, 5_960 + 960)
    assert rewriter.map(60_001, 900_960, 0.06) == (103, 5_960 + 1_920)


def test_loss_and_order_within_a_speaker_stay() -> None:
    rewriter = Rewriter(48_000, 0, 0)
    assert rewriter.map(10, 0, 0.0) == (1, 0)
    assert rewriter.map(13, 2_880, 0.06) == (4, 2_880)
    assert rewriter.map(12, 1_920, 0.06) == (3, 1_920)


def test_what_comes_late_from_before_the_switch_is_left_out() -> None:
    rewriter = Rewriter(48_000, 0, 0)
    rewriter.map(10, 0, 0.0)
    rewriter.switch()
    rewriter.map(500, 0, 0.02)
    assert rewriter.map(499, 0, 0.02) is None


def test_a_packet_is_found_again_by_the_number_it_was_sent_with() -> None:
    rewriter = Rewriter(90_000, 40, 0)
    rewriter.map(10, 0, 0.0)
    rewriter.map(11, 0, 0.0)
    assert rewriter.original(41) == 10
    assert rewriter.original(42) == 11
    rewriter.switch()
    rewriter.map(700, 0, 0.0)
    assert rewriter.original(43) == 700
    assert rewriter.original(42) is None  # of the speaker before


@given(
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 40)), min_size=1, max_size=6)
)
def test_numbers_never_jump_whoever_speaks(turns: list[tuple[int, int, int]]) -> None:
    rewriter, now, seen = Rewriter(48_000, 65_530, 2**32 - 1_000), 0.0, []
    for sequence, timestamp, length in turns:
        rewriter.switch()
        for step in range(length):
            now += 0.02
            mapped = rewriter.map((sequence + step) & 0xFFFF, (timestamp + 960 * step) & 0xFFFFFFFF, now)
            assert mapped is not None
            seen.append(mapped)
    assert all((b[0] - a[0]) & 0xFFFF == 1 for a, b in pairwise(seen))
    assert all(900 < (b[1] - a[1]) & 0xFFFFFFFF < 1_020 for a, b in pairwise(seen))
