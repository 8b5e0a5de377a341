"""Opening: what the plugin gives to the registry of providers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from chat_storage_sqlite.address import parse_address
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection, open_connection
from chat_storage_sqlite.epoch import begin_epoch
from chat_storage_sqlite.inline import Inline
from chat_storage_sqlite.migrator import Migrator
from chat_storage_sqlite.storage import Commits, SqliteStorage
from chat_storage_sqlite.threaded import Threaded
from chat_storage_sqlite.tx import Setting
from chatcore.ports import ProviderContext

MAX_READERS = 4
"""More threads than this only wait for each other's interpreter lock."""


@asynccontextmanager
async def open_sqlite(context: ProviderContext) -> AsyncIterator[SqliteStorage]:
    """Open the database that `config.database_url` names, create and migrate it if need be.

    Raises ConfigError when the URL is wrong or the schema is not one that this release can use.
    """
    config, clock = context.config, context.clock
    path = parse_address(config.database_url).path
    prepare = partial(_prepare, path, config.slow_query_ms, to_ms(clock.now()))
    db, epoch = await trio.to_thread.run_sync(prepare, limiter=trio.CapacityLimiter(1))
    setting = Setting(epoch, config.slow_query_ms)
    commits = Commits()
    if path is None:
        inline = Inline(db, setting, commits.deliver)
        try:
            yield SqliteStorage(inline, commits, epoch, clock)
        finally:
            inline.close()
    else:
        threaded = Threaded(db, path, setting, commits.deliver, min(MAX_READERS, config.database_pool_size))
        try:
            yield SqliteStorage(threaded, commits, epoch, clock)
        finally:
            await threaded.close()


def _prepare(path: Path | None, slow_ms: int, now_ms: int) -> tuple[Connection, str]:
    """The connection of the writer, to a database with the right schema, and its epoch."""
    db = open_connection(path, slow_ms)
    try:
        migrator = Migrator(db)
        migrator.up(now_ms=now_ms)
        migrator.check()
        db.run("BEGIN IMMEDIATE")
        epoch = begin_epoch(db.raw, path)
        db.run("COMMIT")
    except BaseException:
        db.rollback()
        db.close()
        raise
    return db, epoch
