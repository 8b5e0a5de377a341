"""Opening: what the plugin gives to the registry of providers."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import attrs
import trio

from chat_storage_sqlite import blank
from chat_storage_sqlite.address import parse_address
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection, open_connection
from chat_storage_sqlite.epoch import begin_epoch
from chat_storage_sqlite.inline import Inline
from chat_storage_sqlite.job import PATIENCE
from chat_storage_sqlite.migrator import Migrator
from chat_storage_sqlite.plugin_migrator import PluginMigrator
from chat_storage_sqlite.storage import Commits, SqliteStorage
from chat_storage_sqlite.threaded import Threaded
from chat_storage_sqlite.tx import Setting
from chat_storage_sqlite.writer import RETRY_SECONDS
from chatcore.errors import ConfigError, Unavailable
from chatcore.ports import PluginMigration, ProviderContext

MAX_READERS = 4
"""More threads than this only wait for each other's interpreter lock."""


@asynccontextmanager
async def open_sqlite(context: ProviderContext) -> AsyncIterator[SqliteStorage]:
    """Open the database that `config.database_url` names, create and migrate it if need be.

    Raises ConfigError when the URL is wrong or the schema is not one that this release can use, Unavailable when
    another process holds the database.
    """
    config, clock = context.config, context.clock
    if config.database_replica_url is not None:
        raise ConfigError("DATABASE_REPLICA_URL: a SQLite file has no copies that follow it: leave it out")
    path = parse_address(config.database_url).path
    readers = min(MAX_READERS, config.database_pool_size)
    plan = _Plan(path, readers, config.slow_query_ms, to_ms(clock.now()), context.plugin_tables)
    if path is None:
        ready = _connect(plan)  # a millisecond: a thread would take longer to begin
    else:
        prepare = partial(_prepare, plan)
        ready = await trio.to_thread.run_sync(prepare, limiter=trio.CapacityLimiter(1))
    setting = Setting(ready.epoch, config.slow_query_ms)
    commits = Commits()
    if path is None:
        inline = Inline(ready.writer, setting, commits.deliver)
        try:
            yield SqliteStorage(inline, commits, ready.epoch, clock)
        finally:
            inline.close()
    else:
        threaded = Threaded(ready.writer, ready.readers, path, setting, commits.deliver)
        try:
            yield SqliteStorage(threaded, commits, ready.epoch, clock)
        finally:
            await threaded.close()


@attrs.frozen
class _Plan:
    """What is to be opened, and how."""

    path: Path | None
    readers: int
    slow_ms: int
    now_ms: int
    plugin_tables: Mapping[str, Sequence[PluginMigration]]


@attrs.frozen
class _Ready:
    """A database with the right schema: its connections, and its epoch."""

    writer: Connection
    readers: list[Connection]
    epoch: str


def _prepare(plan: _Plan) -> _Ready:
    """Connect; wait a little for another process that holds the database, which may be starting just like us."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _connect(plan)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def _connect(plan: _Plan) -> _Ready:
    path, slow_ms = plan.path, plan.slow_ms
    with ExitStack() as opened:
        writer = opened.enter_context(closing(open_connection(path, slow_ms)))
        if path is None:
            blank.fill(writer, now_ms=plan.now_ms)
        else:
            migrator = Migrator(writer)
            migrator.up(now_ms=plan.now_ms)
            migrator.check()
        PluginMigrator(writer, plan.plugin_tables).up(now_ms=plan.now_ms)
        writer.run("BEGIN IMMEDIATE")
        epoch = begin_epoch(writer.raw, path)
        writer.run("COMMIT")
        count = 0 if path is None else plan.readers
        connections = [
            opened.enter_context(closing(open_connection(path, slow_ms, read_only=True))) for _ in range(count)
        ]
        opened.pop_all()
        return _Ready(writer, connections, epoch)
