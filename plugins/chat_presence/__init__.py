"""Who is online, kept in the memory of every node (provider kind `presence`, name `memory`)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from chat_presence.last_seen import LastSeen
from chat_presence.tracker import GRACE_SECONDS, MemoryPresence
from chatcore.hooks import hookimpl
from chatcore.ports import Provider, ProviderContext, background

__all__ = ["GRACE_SECONDS", "MemoryPresence", "open_presence", "register_providers"]


@asynccontextmanager
async def open_presence(context: ProviderContext) -> AsyncIterator[MemoryPresence]:
    """A tracker, and the tasks that notice departures and write them down, for as long as the context lasts."""
    records = None if context.storage is None else LastSeen(context.storage)
    tracker = MemoryPresence(context.clock, records, context.peers)
    try:
        async with background() as tasks:
            tracker.watch(tasks)
            tasks.keep("presence", tracker.run)
            if tracker.others is not None:
                tasks.keep("presence of other nodes", tracker.others.run)
            if records is not None:
                tasks.keep("presence records", records.run)
            yield tracker
    finally:
        tracker.close()
        if records is not None:
            await records.close()


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Presence for one node or several, which tell each other over the bus."""
    return [Provider(kind="presence", name="memory", factory=open_presence)]
