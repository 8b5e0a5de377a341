"""Many deadlines, one task."""

import math

import trio
import trio.testing

from chatserver.gateway.deadlines import STEP, Deadlines


class Bell:
    def __init__(self) -> None:
        self.rung: list[float] = []

    def ring(self, now: float) -> None:
        self.rung.append(now)


async def test_a_bell_rings_at_its_time(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    deadlines, bell = Deadlines(), Bell()
    await nursery.start(deadlines.run)
    when = trio.current_time() + 25
    deadlines.set(bell, when)
    await trio.sleep(30)
    (rung,) = bell.rung
    assert when <= rung <= when + STEP + 0.01


async def test_an_earlier_wish_goes_first_and_a_later_one_replaces_it(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    deadlines, bell, other = Deadlines(), Bell(), Bell()
    await nursery.start(deadlines.run)
    now = trio.current_time()
    deadlines.set(other, now + 60)
    await trio.sleep(1)
    deadlines.set(bell, now + 5)
    await trio.sleep(1)
    deadlines.set(bell, now + 10)
    await trio.sleep(6)
    assert bell.rung == []
    await trio.sleep(4)
    assert len(bell.rung) == 1
    await trio.sleep(60)
    assert len(bell.rung) == len(other.rung) == 1


async def test_a_cancelled_bell_is_silent(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    deadlines, bell, other = Deadlines(), Bell(), Bell()
    await nursery.start(deadlines.run)
    for each in (bell, other):
        deadlines.set(each, trio.current_time() + 1)
    deadlines.cancel(bell)
    deadlines.cancel(bell)
    deadlines.set(other, math.inf)
    await trio.sleep(5)
    assert bell.rung == other.rung == []


async def test_a_bell_may_set_itself_again(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    deadlines = Deadlines()

    class Clockwork(Bell):
        def ring(self, now: float) -> None:
            super().ring(now)
            deadlines.set(self, now + 10)

    bells = [Clockwork() for _ in range(100)]
    await nursery.start(deadlines.run)
    for bell in bells:
        deadlines.set(bell, trio.current_time() + 10)
    await trio.sleep(105)
    assert {len(bell.rung) for bell in bells} == {10}
