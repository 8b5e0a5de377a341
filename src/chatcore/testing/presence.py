"""The promises of `chatcore.ports.presence`, as a suite that every presence tracker must pass."""

from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
import trio
import trio.testing

from chatcore.ids import UserId
from chatcore.model import Presence, PresenceStatus
from chatcore.ports import Clock, PresenceTracker
from chatcore.testing.clock import START, FakeClock
from chatcore.testing.contract import Contract

ONLINE, AWAY, OFFLINE = PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.OFFLINE
ADA = UserId("01890a5d-ac96-774b-bcce-b302099a8001")
BOB = UserId("01890a5d-ac96-774b-bcce-b302099a8002")
NOBODY = UserId("01890a5d-ac96-774b-bcce-b302099a8003")


class Told:
    """A listener that remembers who became what."""

    def __init__(self, tracker: PresenceTracker) -> None:
        self.changes: list[tuple[UserId, PresenceStatus]] = []
        tracker.on_change(self._take)

    def _take(self, presence: Presence, here: bool) -> None:
        self.changes.append((presence.user_id, presence.status))


class PresenceContract(Contract):
    """Inherit, and say how a tracker is opened."""

    pytestmark = pytest.mark.trio

    grace: ClassVar[float] = 5.0
    """Seconds between the last disconnect and being offline."""
    slack: ClassVar[float] = 0.5
    """Seconds within which the tracker acts."""
    autojump: ClassVar[bool] = True
    """Whether waiting is skipped (`trio.testing.MockClock`); a tracker that talks over a network must say False."""

    @pytest.fixture
    def trio_clock(self) -> trio.abc.Clock | None:
        """The clock of the run; None is the real one."""
        return trio.testing.MockClock(autojump_threshold=0) if self.autojump else None

    def open_presence(self, clock: Clock) -> AbstractAsyncContextManager[PresenceTracker]:
        """A new tracker that knows nobody yet."""
        raise NotImplementedError

    async def test_unknown_people_are_offline(self) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            assert await tracker.get([NOBODY]) == {NOBODY: Presence(user_id=NOBODY, status=OFFLINE)}
            assert await tracker.get([]) == {}

    @pytest.mark.parametrize("status", [ONLINE, AWAY])
    async def test_a_connected_person_is_there(self, status: PresenceStatus) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.connect(ADA, "laptop", status)
            assert await self.statuses(tracker) == (status, OFFLINE)
            assert told.changes == [(ADA, status)]

    async def test_the_best_device_counts(self) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.connect(ADA, "laptop", AWAY)
            await tracker.connect(ADA, "phone", ONLINE)
            await tracker.update(ADA, "laptop", ONLINE)
            await tracker.update(ADA, "phone", AWAY)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)
            await tracker.update(ADA, "laptop", AWAY)
            assert await self.statuses(tracker) == (AWAY, OFFLINE)
            assert told.changes == [(ADA, AWAY), (ADA, ONLINE), (ADA, AWAY)]

    async def test_losing_the_best_device_counts_at_once_while_another_is_there(self) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.connect(ADA, "phone", AWAY)
            await tracker.disconnect(ADA, "laptop")
            assert await self.statuses(tracker) == (AWAY, OFFLINE)

    async def test_the_last_disconnect_counts_after_the_grace(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(self.grace - self.slack)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)
            await trio.sleep(2 * self.slack)
            assert await self.statuses(tracker) == (OFFLINE, OFFLINE)
            assert told.changes == [(ADA, ONLINE), (ADA, OFFLINE)]

    async def test_a_reload_is_no_departure(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.connect(ADA, "first", ONLINE)
            await tracker.disconnect(ADA, "first")
            await trio.sleep(self.grace / 2)
            await tracker.connect(ADA, "second", ONLINE)
            await trio.sleep(2 * self.grace)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)
            assert told.changes == [(ADA, ONLINE)]

    async def test_each_departure_has_a_grace_of_its_own(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            for person in (ADA, BOB):
                await tracker.connect(person, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(self.grace / 2)
            await tracker.disconnect(BOB, "laptop")
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")  # her grace begins anew, after Bob's
            await trio.sleep(self.grace / 2 + self.slack)
            assert await self.statuses(tracker) == (ONLINE, ONLINE)
            await trio.sleep(self.grace / 2)
            assert await self.statuses(tracker) == (OFFLINE, OFFLINE)

    async def test_who_wants_to_look_offline_is_so_at_once(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.update(ADA, "laptop", OFFLINE)
            assert await self.statuses(tracker) == (OFFLINE, OFFLINE)
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(2 * self.grace)
            assert told.changes == [(ADA, ONLINE), (ADA, OFFLINE)]

    async def test_who_looks_offline_can_come_back(self) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            await tracker.connect(ADA, "laptop", OFFLINE)
            await tracker.update(ADA, "laptop", ONLINE)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)

    async def test_what_one_does_unseen_does_not_show_in_last_seen(self, trio_clock: trio.abc.Clock | None) -> None:
        clock = FakeClock()
        async with self.open_presence(clock) as tracker:
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.update(ADA, "laptop", OFFLINE)
            hidden = (await tracker.get([ADA]))[ADA]
            clock.jump(60)
            await tracker.connect(ADA, "phone", OFFLINE)
            await tracker.disconnect(ADA, "laptop")
            await tracker.disconnect(ADA, "phone")
            await trio.sleep(2 * self.grace)
            assert (await tracker.get([ADA]))[ADA] == hidden

    async def test_last_seen_is_when_the_device_went_not_when_the_grace_was_over(
        self, trio_clock: trio.abc.Clock | None
    ) -> None:
        clock = FakeClock()
        async with self.open_presence(clock) as tracker:
            await tracker.connect(ADA, "laptop", ONLINE)
            clock.jump(600)
            assert (await tracker.get([ADA]))[ADA].last_seen == clock.now()
            left = clock.now()
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(2 * self.grace)
            seen = (await tracker.get([ADA]))[ADA].last_seen
            assert seen is not None
            assert 0 <= (seen - left).total_seconds() < self.slack

    async def test_the_wall_clock_may_jump(self, trio_clock: trio.abc.Clock | None) -> None:
        clock = FakeClock(START)
        async with self.open_presence(clock) as tracker:
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            clock.jump(3600)
            await trio.sleep(self.grace - self.slack)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)
            clock.jump(-7200)
            await trio.sleep(2 * self.slack)
            assert await self.statuses(tracker) == (OFFLINE, OFFLINE)

    async def test_doing_things_twice_or_late_is_harmless(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            told = Told(tracker)
            await tracker.disconnect(ADA, "laptop")
            await tracker.update(ADA, "laptop", ONLINE)
            assert await self.statuses(tracker) == (OFFLINE, OFFLINE)
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            await tracker.update(ADA, "laptop", AWAY)  # a word that was still on its way
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(self.grace + self.slack)
            assert told.changes == [(ADA, ONLINE), (ADA, OFFLINE)]

    async def test_people_and_their_connections_are_kept_apart(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            await tracker.connect(ADA, "same-name", ONLINE)
            await tracker.connect(BOB, "same-name", AWAY)
            await tracker.disconnect(BOB, "same-name")
            await trio.sleep(self.grace + self.slack)
            assert await self.statuses(tracker) == (ONLINE, OFFLINE)

    async def test_a_listener_that_raises_costs_the_others_nothing(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_presence(FakeClock()) as tracker:

            def broken(_: Presence, here: bool) -> None:
                raise RuntimeError("a listener broke")

            tracker.on_change(broken)
            told = Told(tracker)
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            await trio.sleep(self.grace + self.slack)
            assert told.changes == [(ADA, ONLINE), (ADA, OFFLINE)]

    async def test_a_thousand_people_leave_at_once(self, trio_clock: trio.abc.Clock | None) -> None:
        crowd = [UserId(f"01890a5d-ac96-774b-bcce-{number:012x}") for number in range(1000)]
        async with self.open_presence(FakeClock()) as tracker:
            for person in crowd:
                await tracker.connect(person, "laptop", ONLINE)
            told = Told(tracker)
            for person in crowd:
                await tracker.disconnect(person, "laptop")
            await trio.sleep(self.grace + self.slack)
            assert sorted(told.changes) == sorted((person, OFFLINE) for person in crowd)

    async def test_health(self) -> None:
        async with self.open_presence(FakeClock()) as tracker:
            assert (await tracker.health())["ok"] is True

    async def statuses(self, tracker: PresenceTracker) -> tuple[PresenceStatus, PresenceStatus]:
        """Ada's and Bob's."""
        known = await tracker.get([ADA, BOB])
        return known[ADA].status, known[BOB].status
