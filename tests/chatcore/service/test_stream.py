"""The order of one workspace's events: whatever the bus does, each is delivered once, in order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chatcore.ids import WorkspaceId
from chatcore.ports import Envelope
from chatcore.service.stream import MAX_WAITING, Stream
from chatcore.testing.bus import envelope

WORKSPACE = WorkspaceId("01890a5d-ac96-774b-bcce-b302099a8057")


def envelopes(seqs: Sequence[int]) -> list[Envelope]:
    return [envelope(seq) for seq in seqs]


def seqs(due: Sequence[Envelope]) -> list[int]:
    return [one.seq for one in due]


def started(at: int = 0) -> Stream:
    stream = Stream()
    assert stream.start(at) == []
    return stream


def test_what_comes_in_order_passes_at_once() -> None:
    stream = started(4)
    assert seqs(stream.offer(envelopes([5, 6, 7]))) == [5, 6, 7]
    assert seqs(stream.offer(envelopes([8]))) == [8]
    assert stream.last == 8
    assert not stream.has_gap


def test_what_comes_early_waits() -> None:
    stream = started()
    assert stream.offer(envelopes([2, 4])) == []
    assert stream.has_gap
    assert seqs(stream.offer(envelopes([1]))) == [1, 2]
    assert stream.has_gap
    assert seqs(stream.offer(envelopes([3]))) == [3, 4]
    assert not stream.has_gap


def test_what_came_already_is_dropped() -> None:
    stream = started(3)
    assert stream.offer(envelopes([1, 3])) == []
    assert seqs(stream.offer(envelopes([4, 4, 3, 5]))) == [4, 5]
    assert stream.offer(envelopes([4, 5])) == []
    assert not stream.has_gap


def test_nothing_is_nothing() -> None:
    stream = started(3)
    assert stream.offer([]) == []
    assert stream.last == 3


def test_until_the_start_everything_waits() -> None:
    stream = Stream()
    assert stream.offer(envelopes([7, 5, 6, 9])) == []
    assert not stream.has_gap
    assert seqs(stream.start(5)) == [6, 7]
    assert stream.has_gap


def test_the_log_fills_a_gap_and_what_waited_follows() -> None:
    stream = started(1)
    stream.offer(envelopes([4, 5, 8]))
    assert seqs(stream.fill(envelopes([2, 3]), 3)) == [2, 3, 4, 5]
    assert stream.has_gap


def test_the_log_may_skip() -> None:
    stream = started(1)
    stream.offer(envelopes([6]))
    assert seqs(stream.fill(envelopes([3]), 5)) == [3, 6]
    assert stream.last == 6
    assert not stream.has_gap


def test_what_the_log_says_again_is_dropped() -> None:
    stream = started(1)
    stream.offer(envelopes([2, 3]))
    assert stream.fill(envelopes([2, 3]), 3) == []
    assert stream.last == 3


def test_early_arrivals_are_bounded_and_the_log_has_the_rest() -> None:
    stream = started()
    stream.offer(envelopes(range(2, MAX_WAITING + 100)))
    assert seqs(stream.offer(envelopes([1]))) == []
    assert stream.has_gap
    due = stream.fill(envelopes(range(1, MAX_WAITING + 100)), MAX_WAITING + 99)
    assert seqs(due) == list(range(1, MAX_WAITING + 100))
    assert not stream.has_gap


@given(st.data())
def test_any_order_duplicates_and_losses(data: st.DataObject) -> None:
    """A bus that does everything wrong, and a log that is read now and then: at the end, each event once, in order."""
    newest = data.draw(st.integers(1, 40))
    begin = data.draw(st.integers(0, newest))
    skipped = data.draw(st.sets(st.integers(begin + 1, newest + 1)))  # no longer in the log
    carried = data.draw(st.lists(st.integers(1, newest), max_size=80))
    stream = Stream()
    delivered: list[int] = []
    start_after = data.draw(st.integers(0, len(carried)))
    position = 0
    while position <= len(carried):
        if stream.last is None and position >= start_after:
            delivered += seqs(stream.start(begin))
        size = data.draw(st.integers(1, 5))
        delivered += seqs(stream.offer(envelopes(carried[position : position + size])))
        position += size
        if stream.last is not None and data.draw(st.booleans()):
            upto = data.draw(st.integers(stream.last, max(stream.last, newest)))
            log = [seq for seq in range(stream.last + 1, upto + 1) if seq not in skipped]
            delivered += seqs(stream.fill(envelopes(log), upto))
        assert delivered == sorted(set(delivered))
        assert stream.last is None or not delivered or delivered[-1] <= stream.last
    if stream.last is None:
        delivered += seqs(stream.start(begin))
    log = [seq for seq in range(begin + 1, newest + 1) if seq not in skipped]
    delivered += seqs(stream.fill(envelopes(log), newest))
    assert delivered == sorted(set(delivered))
    assert set(range(begin + 1, newest + 1)) - skipped <= set(delivered) <= set(range(begin + 1, newest + 1))
    assert stream.last == newest
    assert not stream.has_gap
