"""The migrator port on SQLite: each call opens the file, works in a thread, and closes it again."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from chat_storage_sqlite.address import parse_address
from chat_storage_sqlite.backup import close_for_good, restore
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import open_connection
from chat_storage_sqlite.migrator import Migrator, find_migrations
from chat_storage_sqlite.plugin_migrator import PluginMigrator
from chatcore.errors import ConfigError, Unavailable
from chatcore.ports import Clock, Migration, PluginMigration, ProviderContext
from chatcore.ports.schema import line_of, status_of

T = TypeVar("T")

MAX_PROBLEMS = 20
PLUGINS_SINCE = 2
"""The step of our schema that records those of plugins."""


@asynccontextmanager
async def open_upkeep(context: ProviderContext) -> AsyncIterator["SqliteUpkeep"]:
    """The migrator of the file that `config.database_url` names. Raises ConfigError."""
    path = parse_address(context.config.database_url).path
    if path is None:
        raise ConfigError("DATABASE_URL: a database in memory has no schema to look after; name a file")
    yield SqliteUpkeep(path, context.clock, context.config.slow_query_ms, context.plugin_tables)


@attrs.frozen
class SqliteUpkeep:
    """See `chatcore.ports.migrator.Migrator`."""

    _path: Path
    _clock: Clock
    _slow_ms: int
    _plugin_tables: Mapping[str, Sequence[PluginMigration]]
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def status(self) -> list[Migration]:
        return await self._in_thread(self._status)

    async def up(self, to: int | None = None) -> list[int]:
        return await self._in_thread(partial(self._up, to, to_ms(self._clock.now())))

    async def down(self, to: int) -> list[int]:
        return await self._in_thread(partial(self._down, to))

    async def plugin_status(self) -> list[Migration]:
        return await self._in_thread(self._plugin_status)

    async def plugins_up(self) -> list[Migration]:
        return await self._in_thread(partial(self._plugins_up, to_ms(self._clock.now())))

    async def plugin_down(self, plugin: str, to: int) -> list[Migration]:
        return await self._in_thread(partial(self._plugin_down, plugin, to))

    async def check(self) -> list[str]:
        return await self._in_thread(self._check)

    async def restore(self, source: str) -> None:
        await self._in_thread(partial(self._restore, Path(source)))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._limiter)

    def _status(self) -> list[Migration]:
        if not self._path.exists():
            return status_of(find_migrations(), {})
        with closing(open_connection(self._path, self._slow_ms, read_only=True)) as db:
            return Migrator(db).status()

    def _up(self, to: int | None, now_ms: int) -> list[int]:
        with closing(open_connection(self._path, self._slow_ms)) as db:
            return Migrator(db).up(to, now_ms=now_ms)

    def _down(self, to: int) -> list[int]:
        self._require_file()
        close_for_good(self._path)
        with closing(open_connection(self._path, self._slow_ms)) as db:
            if to < PLUGINS_SINCE:
                PluginMigrator(db, self._plugin_tables).require_none()
            return Migrator(db).down(to)

    def _plugin_status(self) -> list[Migration]:
        if not self._path.exists():
            return [
                line_of(plugin, step, applied=False) for plugin, steps in self._plugin_tables.items() for step in steps
            ]
        with closing(open_connection(self._path, self._slow_ms, read_only=True)) as db:
            return PluginMigrator(db, self._plugin_tables).status()

    def _plugins_up(self, now_ms: int) -> list[Migration]:
        with closing(open_connection(self._path, self._slow_ms)) as db:
            Migrator(db).check()
            return PluginMigrator(db, self._plugin_tables).up(now_ms=now_ms)

    def _plugin_down(self, plugin: str, to: int) -> list[Migration]:
        self._require_file()
        close_for_good(self._path)
        with closing(open_connection(self._path, self._slow_ms)) as db:
            return PluginMigrator(db, self._plugin_tables).down(plugin, to)

    def _check(self) -> list[str]:
        self._require_file()
        with closing(open_connection(self._path, self._slow_ms, read_only=True)) as db:
            try:
                return _problems(db.raw)
            except sqlite3.DatabaseError as error:  # so damaged that the check cannot go on
                return [str(error)]

    def _restore(self, source: Path) -> None:
        if source.is_file():
            self._require_ours(source)
        restore(source, self._path)

    def _require_ours(self, source: Path) -> None:
        """Any other file would be put in the place of the database just as well."""
        try:
            db = open_connection(source, self._slow_ms, read_only=True)
        except ConfigError as error:
            raise ConfigError(f"{source} is no backup of a Chatcore database.") from error
        with closing(db):
            try:
                ours = any(line.applied for line in Migrator(db).status())
            except Unavailable as error:
                raise ConfigError(f"{source} is damaged, or somebody is writing it.") from error
        if not ours:
            raise ConfigError(f"{source} is no backup of a Chatcore database.")

    def _require_file(self) -> None:
        if not self._path.exists():
            raise ConfigError(f"There is no database {self._path}: `chatcore migrate up` makes one.")


def _problems(raw: sqlite3.Connection) -> list[str]:
    lines = [str(line) for (line,) in raw.execute(f"PRAGMA quick_check({MAX_PROBLEMS})")]
    orphans = raw.execute("PRAGMA foreign_key_check").fetchmany(MAX_PROBLEMS)
    found = [f"{table} row {row} points at nothing in {parent}" for table, row, parent, _ in orphans]
    return [line for line in lines if line != "ok"] + found
