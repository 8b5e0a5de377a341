"""The migrator port on PostgreSQL: each call connects, works, and disconnects again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from chat_storage_postgres.connecting import check_url, goodbye
from chat_storage_postgres.migrator import Migrator
from chat_storage_postgres.opening import reach
from chat_storage_postgres.plugin_migrator import PluginMigrator
from chatcore.bridge import Bridge, open_bridge
from chatcore.errors import ConfigError
from chatcore.ports import Migration, PluginMigration, ProviderContext

T = TypeVar("T")

_USERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name IN ('chatcore', 'chatcore-read')
"""
_BROKEN_INDEXES = """
    SELECT 'the index ' || indexrelid::regclass || ' is not valid: REINDEX it' FROM pg_index WHERE NOT indisvalid
"""
_UNCHECKED = """
    SELECT 'the constraint ' || conname || ' of ' || conrelid::regclass || ' has never been checked: VALIDATE it'
    FROM pg_constraint WHERE NOT convalidated
"""
_DAMAGED_PAGES = """
    SELECT checksum_failures || ' pages had a wrong checksum: restore a backup'
    FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0
"""
_LOGS = """
    SELECT 'the log of workspace ' || w.id || ' ends at ' || coalesce(e.newest, w.trimmed_seq) || ', not at ' || w.seq
    FROM workspaces w LEFT JOIN (SELECT workspace_id, max(seq) AS newest FROM events GROUP BY workspace_id) e
        ON e.workspace_id = w.id
    WHERE coalesce(e.newest, w.trimmed_seq) > w.seq
"""
_POSITIONS = """
    SELECT 'channel ' || c.id || ' holds ' || n.there || ' messages, and counted ' || c.position
    FROM channels c JOIN (
        SELECT channel_id, count(*) AS there FROM (
            SELECT channel_id FROM messages WHERE thread_id IS NULL
            UNION ALL SELECT channel_id FROM deleted_messages WHERE thread_id IS NULL
        ) m GROUP BY channel_id
    ) n ON n.channel_id = c.id
    WHERE n.there > c.position
"""
MAX_PROBLEMS = 20
PLUGINS_SINCE = 2
"""The step of our schema that records those of plugins."""


@asynccontextmanager
async def open_upkeep(context: ProviderContext) -> AsyncIterator["PostgresUpkeep"]:
    """The migrator of the database that `config.database_url` names. Raises ConfigError."""
    check_url(context.config.database_url)
    async with open_bridge("chatcore-migrate") as bridge:
        yield PostgresUpkeep(bridge, context.config.database_url, context.plugin_tables)


class PostgresUpkeep:
    """See `chatcore.ports.migrator.Migrator`."""

    def __init__(self, bridge: Bridge, url: str, plugin_tables: Mapping[str, Sequence[PluginMigration]]) -> None:
        self._bridge = bridge
        self._url = url
        self._plugin_tables = plugin_tables

    async def status(self) -> list[Migration]:
        return await self._connected(lambda raw: Migrator(raw).status())

    async def up(self, to: int | None = None) -> list[int]:
        return await self._connected(lambda raw: Migrator(raw).up(to))

    async def down(self, to: int) -> list[int]:
        async def work(raw: Any) -> list[int]:
            await _require_free(raw)
            if to < PLUGINS_SINCE:
                await PluginMigrator(raw, self._plugin_tables).require_none()
            return await Migrator(raw).down(to)

        return await self._connected(work)

    async def plugin_status(self) -> list[Migration]:
        return await self._connected(lambda raw: PluginMigrator(raw, self._plugin_tables).status())

    async def plugins_up(self) -> list[Migration]:
        async def work(raw: Any) -> list[Migration]:
            await Migrator(raw).check()
            return await PluginMigrator(raw, self._plugin_tables).up()

        return await self._connected(work)

    async def plugin_down(self, plugin: str, to: int) -> list[Migration]:
        async def work(raw: Any) -> list[Migration]:
            await _require_free(raw)
            return await PluginMigrator(raw, self._plugin_tables).down(plugin, to)

        return await self._connected(work)

    async def check(self) -> list[str]:
        async def work(raw: Any) -> list[str]:
            await Migrator(raw).check()
            found: list[str] = []
            for question in (_BROKEN_INDEXES, _UNCHECKED, _DAMAGED_PAGES, _LOGS, _POSITIONS):
                found += [line for (line,) in await raw.fetch(question)]
            return found[:MAX_PROBLEMS]

        return await self._connected(work)

    async def restore(self, source: str) -> None:
        raise ConfigError("PostgreSQL is restored by its own means: pg_restore into an empty database.")

    async def _connected(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async def run() -> T:
            raw = await reach(self._url)
            try:
                return await work(raw)
            finally:
                await goodbye(raw)

        return await self._bridge.run(run)


async def _require_free(raw: Any) -> None:
    """Raises ConfigError while a server has the database open."""
    if await raw.fetchval(_USERS):
        raise ConfigError("The database is in use: stop every server first.")
