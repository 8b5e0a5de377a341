"""`open_migrator`: the schema of a database, without opening the chat in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatcore.chat import data_dir
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.hooks import Hooks
from chatcore.hooks.providers import by_url
from chatcore.ports import Clock, Migrator, ProviderContext


@asynccontextmanager
async def open_migrator(config: Config, *, clock: Clock | None = None) -> AsyncIterator[Migrator]:
    """The migrator of the database that `config.database_url` names. Raises ConfigError."""
    hooks = Hooks(config, strict=False)
    config = await hooks.configure(config)
    provider = by_url(hooks.providers(), "migrator", config.database_url, "database_url")
    context = ProviderContext(
        config=config,
        clock=clock or SystemClock(),
        data_dir=data_dir(config.database_url),
        plugin_tables=hooks.plugin_tables(),
    )
    async with provider.factory(context) as migrator:
        yield migrator
