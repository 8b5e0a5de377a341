"""How much one socket may say."""

from chatserver.gateway.flow import Flow, Pace

PACE = Pace(frames_per_second=10, frames_at_once=20, bytes_per_second=100, bytes_at_once=1000)


def test_a_burst_is_taken_and_then_the_pace_holds() -> None:
    flow = Flow(PACE, 0.0)
    assert flow.take(20, 0, 0.0) == 0
    assert flow.take(1, 0, 0.0) == 0.1
    assert flow.take(0, 0, 0.1) == 0


def test_bytes_are_counted_too() -> None:
    flow = Flow(PACE, 0.0)
    assert flow.take(1, 1000, 0.0) == 0
    assert flow.take(1, 500, 0.0) == 5.0


def test_what_is_not_used_is_not_saved_up_for_ever() -> None:
    flow = Flow(PACE, 0.0)
    assert flow.take(20, 0, 1000.0) == 0
    assert flow.take(1, 0, 1000.0) > 0


def test_the_pace_can_be_kept_for_ever() -> None:
    flow = Flow(PACE, 0.0)
    assert all(flow.take(10, 100, float(second)) == 0 for second in range(1, 10_000))
