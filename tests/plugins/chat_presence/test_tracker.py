"""Presence in memory."""

from contextlib import AbstractAsyncContextManager

import trio
import trio.testing

from chat_presence import GRACE_SECONDS, open_presence, register_providers
from chatcore.config import Config
from chatcore.ports import Clock, PresenceTracker, ProviderContext
from chatcore.testing.clock import FakeClock
from chatcore.testing.presence import ADA, AWAY, OFFLINE, ONLINE, PresenceContract, Told


def opened(clock: Clock) -> AbstractAsyncContextManager[PresenceTracker]:
    return open_presence(ProviderContext(config=Config(), clock=clock, data_dir=None))


class TestMemoryPresence(PresenceContract):
    """It keeps every promise."""

    grace = GRACE_SECONDS

    def open_presence(self, clock: Clock) -> AbstractAsyncContextManager[PresenceTracker]:
        return opened(clock)


def test_it_is_a_provider_of_presence() -> None:
    (provider,) = register_providers()
    assert (provider.kind, provider.name) == ("presence", "memory")


async def test_coming_back_with_another_status_counts_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(FakeClock()) as tracker:
        told = Told(tracker)
        await tracker.connect(ADA, "first", ONLINE)
        await tracker.disconnect(ADA, "first")
        await tracker.connect(ADA, "second", AWAY)
        assert told.changes == [(ADA, ONLINE), (ADA, AWAY)]
        await tracker.update(ADA, "second", OFFLINE)
        assert told.changes[-1] == (ADA, OFFLINE)


async def test_closing_ends_the_task_while_people_are_leaving(autojump_clock: trio.testing.MockClock) -> None:
    with trio.fail_after(1):
        async with opened(FakeClock()) as tracker:
            await tracker.connect(ADA, "laptop", ONLINE)
            await tracker.disconnect(ADA, "laptop")
            await trio.testing.wait_all_tasks_blocked()


async def test_health_counts(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(FakeClock()) as tracker:
        await tracker.connect(ADA, "laptop", ONLINE)
        assert await tracker.health() == {"ok": True, "present": 1, "leaving": 0}
        await tracker.disconnect(ADA, "laptop")
        assert await tracker.health() == {"ok": True, "present": 1, "leaving": 1}
        await trio.sleep(GRACE_SECONDS + 0.1)
        assert await tracker.health() == {"ok": True, "present": 0, "leaving": 0}
