"""Moving out: the rows of a database in a file, table by table (`chatcore.ports.moving.Source`)."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import trio

from chat_storage_sqlite.address import parse_address
from chat_storage_sqlite.backup import close_for_good
from chat_storage_sqlite.connection import connect_to_read, open_connection
from chat_storage_sqlite.migrator import Migrator
from chatcore.errors import ConfigError
from chatcore.ports import ProviderContext
from chatcore.ports.moving import TABLES, Values, in_order

BATCH = 2000
_HERE_ONLY = {"number", "row", "place", "replies"}
"""Columns by which rows lie where they lie in this database, and mean nothing elsewhere."""
# What indexes words (a virtual table, and those in which it keeps its index) is not moved: a plugin makes its own.
_TABLES = """
    SELECT t.name, f."table" FROM pragma_table_list t LEFT JOIN pragma_foreign_key_list(t.name) f
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name
"""
_WORKSPACE = "(SELECT workspace_id FROM channels c WHERE c.id = t.channel_id)"
_MADE = {
    "messages": {"workspace_id": _WORKSPACE, "seq": "t.seq"},
    "deleted_messages": {"workspace_id": _WORKSPACE, "seq": "t.seq"},
    "events": {
        "workspace_id": "(SELECT id FROM workspaces w WHERE w.number = t.place >> 40)",
        "seq": "t.place & 1099511627775",
    },
    "attachments": {"place": "t.place"},
}
"""Columns that others have, and how they are found out."""
_ORDER = {"messages": "place", "events": "place", "message_reactions": "id"}


@asynccontextmanager
async def open_source(context: ProviderContext) -> AsyncIterator["SqliteSource"]:
    """The file that `config.database_url` names. Raises ConfigError, also while somebody has it open."""
    async with _open(context, close_for_good) as source:
        yield source


@asynccontextmanager
async def open_snapshot(context: ProviderContext) -> AsyncIterator["SqliteSource"]:
    """As `open_source`, of a file that may be in use."""
    async with _open(context, lambda _: None) as source:
        yield source


@asynccontextmanager
async def _open(context: ProviderContext, prepare: Callable[[Path], None]) -> AsyncIterator["SqliteSource"]:
    path = parse_address(context.config.database_url).path
    if path is None or not path.is_file():
        raise ConfigError(f"There is no database {context.config.database_url}.")
    limiter = trio.CapacityLimiter(1)

    def connect() -> sqlite3.Connection:
        prepare(path)
        with closing(open_connection(path, 60_000, read_only=True)) as db:
            Migrator(db).check()
        raw = connect_to_read(path)
        raw.execute("BEGIN")
        return raw

    raw = await trio.to_thread.run_sync(connect, limiter=limiter)
    try:
        yield SqliteSource(raw, limiter)
    finally:
        raw.close()


class SqliteSource:
    """One read transaction: one state of the file."""

    def __init__(self, raw: sqlite3.Connection, limiter: trio.CapacityLimiter) -> None:
        self._raw = raw
        self._limiter = limiter

    @property
    def epoch(self) -> str:
        found = self._raw.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if found is None:
            raise ConfigError("The database is a backup that was never opened: open it once, with `chatcore doctor`.")
        return str(found[0])

    async def tables(self) -> Sequence[str]:
        return in_order(await self._all(_TABLES))

    async def count(self, table: str) -> int:
        ((count,),) = await self._all(f'SELECT count(*) FROM "{table}"')
        return int(count)

    async def columns(self, table: str) -> Sequence[str]:
        rows = await self._all("SELECT name FROM pragma_table_info(?)", table)
        drop = _HERE_ONLY if table in TABLES else set()
        return [*(name for (name,) in rows if name not in drop), *_MADE.get(table, {})]

    async def batches(self, table: str, *, skip: int) -> AsyncGenerator[Sequence[Values], None]:
        async with aclosing(read_rows(self._raw, self._limiter, table, await self.columns(table), skip)) as batches:
            async for rows in batches:
                yield rows

    async def _all(self, sql: str, *values: Any) -> list[Values]:
        return await trio.to_thread.run_sync(partial(_fetch, self._raw, sql, values), limiter=self._limiter)


def _fetch(raw: sqlite3.Connection, sql: str, values: tuple[Any, ...]) -> list[Values]:
    return raw.execute(sql, values).fetchall()


async def read_rows(
    raw: sqlite3.Connection, limiter: trio.CapacityLimiter, table: str, columns: Sequence[str], skip: int = 0
) -> AsyncGenerator[Sequence[Values], None]:
    """The rows of a table, in their order, with these columns as others know them."""
    made = _MADE.get(table, {})
    names = ", ".join(made.get(name, f't."{name}"') for name in columns)

    def begin() -> sqlite3.Cursor:
        keys = _fetch(raw, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
        order = _ORDER.get(table) or ", ".join(f'"{name}"' for (name,) in keys) or "rowid"
        return raw.execute(f'SELECT {names} FROM "{table}" t ORDER BY {order} LIMIT -1 OFFSET {skip}')

    cursor = await trio.to_thread.run_sync(begin, limiter=limiter)
    while rows := await trio.to_thread.run_sync(cursor.fetchmany, BATCH, limiter=limiter):
        yield rows
