"""The event bus of a single process (provider kind `bus`, name `memory`)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from chat_bus_memory.bus import MemoryBus
from chatcore.hooks import hookimpl
from chatcore.ports import Provider, ProviderContext

__all__ = ["MemoryBus", "open_bus", "register_providers"]


@asynccontextmanager
async def open_bus(context: ProviderContext) -> AsyncIterator[MemoryBus]:
    """A bus of its own for each chat; nothing to configure, nothing to close."""
    yield MemoryBus()


@hookimpl
def register_providers() -> Iterable[Provider]:
    """The bus for installations of one process."""
    return [Provider(kind="bus", name="memory", factory=open_bus, schemes=("memory",))]
