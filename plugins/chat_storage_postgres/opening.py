"""Opening: schema, epoch, bridge, lanes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chat_storage_postgres.analyst import Analyst
from chat_storage_postgres.commit import Committer
from chat_storage_postgres.connecting import UPKEEP, check_url, connect, goodbye, patiently, place_of
from chat_storage_postgres.epoch import begin_epoch
from chat_storage_postgres.job import PATIENCE
from chat_storage_postgres.link import Link
from chat_storage_postgres.migrator import Migrator
from chat_storage_postgres.plugin_migrator import PluginMigrator
from chat_storage_postgres.pulse import Pulse
from chat_storage_postgres.readers import Readers
from chat_storage_postgres.replica import Replica
from chat_storage_postgres.storage import Commits, PostgresStorage
from chat_storage_postgres.tx import Setting
from chat_storage_postgres.writer import Writer
from chatcore.bridge import open_bridge
from chatcore.config import Config
from chatcore.errors import ConfigError, Unavailable
from chatcore.ports import PluginMigration, ProviderContext


@asynccontextmanager
async def open_storage(context: ProviderContext) -> AsyncIterator[PostgresStorage]:
    """The storage in the database that `config.database_url` names. Raises ConfigError."""
    config = context.config
    check_url(config.database_url)
    if config.database_replica_url is not None:
        check_url(config.database_replica_url, "DATABASE_REPLICA_URL")
    setting, commits = Setting("", config.slow_query_ms), Commits()

    async def greet(raw: Any) -> None:
        setting.epoch = await begin_epoch(raw)

    async with open_bridge("chatcore-postgres") as bridge:
        await bridge.run(_check, config.database_url, context.plugin_tables)
        link = Link(config.database_url, greet)
        await bridge.run(link.get, PATIENCE)
        pulse = Pulse(config.database_url)
        readers = Readers(config.database_url, config.database_pool_size, setting, pulse)
        committer, analyst = Committer(link, setting, pulse), Analyst(config.database_url)
        writer = Writer(bridge, link, committer, analyst, commits.deliver)
        await writer.open()
        replica = _replica(config, setting, readers)
        storage = PostgresStorage(bridge, writer, readers, replica, commits, setting, context.clock)
        try:
            yield storage
        finally:
            await storage.close()
            await bridge.run(pulse.close)


def _replica(config: Config, setting: Setting, readers: Readers) -> Replica | None:
    """The copy that `config.database_replica_url` names."""
    url = config.database_replica_url
    return None if url is None else Replica(url, config.database_pool_size, setting, readers)


async def _check(url: str, plugin_tables: Mapping[str, Sequence[PluginMigration]]) -> None:
    """Raises ConfigError unless the server answers and the schema is that of this release and of its plugins."""
    raw = await reach(url)
    try:
        await Migrator(raw).check()
        await PluginMigrator(raw, plugin_tables).check()
        if await raw.fetchval("SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'copying')"):
            raise ConfigError("The database is a copy that is not whole yet: run `chatcore migrate copy` again.")
    finally:
        await goodbye(raw)


async def reach(url: str) -> Any:
    """A connection for upkeep. Raises ConfigError when the server does not answer within seconds."""
    try:
        return await patiently(lambda: connect(url, UPKEEP), PATIENCE)
    except Unavailable as error:
        why = error.__cause__ or error
        raise ConfigError(f"DATABASE_URL: {place_of(url)} does not answer: {why}; is PostgreSQL running?") from error
