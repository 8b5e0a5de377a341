"""Who is online, kept in memory (provider kind `presence`, name `memory`)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from chat_presence.tracker import GRACE_SECONDS, MemoryPresence
from chatcore.hooks import hookimpl
from chatcore.ports import Provider, ProviderContext

__all__ = ["GRACE_SECONDS", "MemoryPresence", "open_presence", "register_providers"]


@asynccontextmanager
async def open_presence(context: ProviderContext) -> AsyncIterator[MemoryPresence]:
    """A tracker, and the task that notices departures, for as long as the context lasts."""
    tracker = MemoryPresence(context.clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tracker.run)
        yield tracker
        nursery.cancel_scope.cancel()


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Presence for installations of one process."""
    return [Provider(kind="presence", name="memory", factory=open_presence)]
