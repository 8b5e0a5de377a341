"""The bus between nodes that share a PostgreSQL, by its LISTEN and NOTIFY (provider kind `bus`, name `postgres`).

    line        one connection, on a loop of its own, that listens and notifies
    pieces      what does not fit into one notification

How packets are made, gathered and numbered, and how a lost line is mended, is `chatcore.ports.relayed`'s affair. A
notification has 8,000 bytes at most: a larger event of the log goes as a reference, and is read there.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from chat_bus_postgres.pieces import LARGEST
from chatcore.errors import ConfigError
from chatcore.hooks import hookimpl
from chatcore.ports import Bus, Provider, ProviderContext, relaying

__all__ = ["open_bus", "register_providers"]


@asynccontextmanager
async def open_bus(context: ProviderContext) -> AsyncIterator[Bus]:
    """The bus of the nodes that share the database at `config.database_url`. Raises ConfigError."""
    try:
        from chat_bus_postgres.line import open_lines
    except ImportError as error:
        raise ConfigError(f"DATABASE_URL: the bus needs {error.name}: pip install 'chatcore[postgres]'") from error
    async with (
        open_lines(context.config.database_url, channel_of(context)) as open_line,
        relaying("postgres", open_line, storage=context.storage, largest=LARGEST) as bus,
    ):
        yield bus


def channel_of(context: ProviderContext) -> str:
    """One channel for an installation. Notifications stay within a database; a name of one's own costs nothing."""
    return "chatcore" if context.storage is None else f"chatcore_{context.storage.epoch}"


@hookimpl
def register_providers() -> Iterable[Provider]:
    """The bus that comes with a database in PostgreSQL."""
    return [Provider(kind="bus", name="postgres", factory=open_bus, schemes=("postgresql", "postgres"))]
