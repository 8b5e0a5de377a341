"""Moving in: rows from elsewhere make a new file (`chatcore.ports.moving.Target`)."""

import os
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from chat_storage_sqlite.address import parse_address
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection, open_connection
from chat_storage_sqlite.migrator import Migrator
from chat_storage_sqlite.moving import read_rows
from chat_storage_sqlite.places import event_place, message_row
from chat_storage_sqlite.plugin_migrator import PluginMigrator
from chatcore.durable import put_in_place
from chatcore.errors import ChatError, ConfigError
from chatcore.ports import PluginMigration, ProviderContext
from chatcore.ports.moving import Values

T = TypeVar("T")

_SIDES = ("", "-wal", "-shm", "-journal")
_LOGGED = ("messages", "deleted_messages", "events")
"""Their rows lie by the numbers of workspaces and channels, which are given anew here."""
_KEEP = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


@asynccontextmanager
async def open_target(context: ProviderContext) -> AsyncIterator["SqliteTarget"]:
    """A new file, which has its name once it is whole: until then nobody can open it. Raises ConfigError.

    What was interrupted begins anew.
    """
    path = parse_address(context.config.database_url).path
    if path is None:
        raise ConfigError("A database in memory would be gone at once: name a file, like sqlite:///chat.db.")
    limiter = trio.CapacityLimiter(1)
    now_ms = to_ms(context.clock.now())
    part = path.with_name(path.name + ".part")
    begin = partial(_begin, path, part, context.plugin_tables, now_ms)
    db = await trio.to_thread.run_sync(begin, limiter=limiter)
    try:
        yield SqliteTarget(db, path, part, limiter)
    finally:
        db.close()
        _remove(part)


def _begin(path: Path, part: Path, plugin_tables: Mapping[str, Sequence[PluginMigration]], now_ms: int) -> Connection:
    if path.exists():
        raise ConfigError(f"There is a database {path} already: name another, or move it away first.")
    _remove(part)
    db = open_connection(part, slow_ms=60_000)
    try:
        # Nobody reads it before it is whole, and it is put on the disk once, at the end.
        db.run("PRAGMA synchronous = OFF")
        Migrator(db).up(now_ms=now_ms)
        PluginMigrator(db, plugin_tables).up(now_ms=now_ms)
    except BaseException:
        db.close()
        _remove(part)
        raise
    return db


def _remove(part: Path) -> None:
    for side in _SIDES:
        part.with_name(part.name + side).unlink(missing_ok=True)


@attrs.frozen
class _Numbers:
    """The numbers by which rows lie."""

    workspaces: dict[str, int]
    channels: dict[str, int]
    replies: dict[str, int] = attrs.field(factory=dict)
    """How many have arrived, by channel."""


class SqliteTarget:
    """See `chatcore.ports.moving.Target`."""

    def __init__(self, db: Connection, path: Path, part: Path, limiter: trio.CapacityLimiter) -> None:
        self._db = db
        self._path = path
        self._part = part
        self._limiter = limiter
        self._known: _Numbers | None = None

    async def begin(self, epoch: str) -> None:
        await self._run(self._db.run, "DELETE FROM emoji_presets")  # the source has its own

    async def count(self, table: str) -> int:
        return int(await self._run(self._db.value, f'SELECT count(*) FROM "{table}"'))

    async def normalised(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> Sequence[Values]:
        return rows

    async def write(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        await self._run(self._write, table, columns, rows)

    def batches(self, table: str, columns: Sequence[str]) -> AsyncGenerator[Sequence[Values], None]:
        return read_rows(self._db.raw, self._limiter, table, columns)

    async def finish(self, epoch: str) -> None:
        await self._run(self._finish, epoch)

    def _write(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        try:
            names = self._stored_names(table, columns)
            values = [self._stored(table, dict(zip(columns, row, strict=True)), names) for row in rows]
            listed, slots = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
            self._db.run("BEGIN IMMEDIATE")
            try:
                self._db.raw.executemany(f'INSERT INTO "{table}" ({listed}) VALUES ({slots})', values)
                self._db.run("COMMIT")
            except BaseException:
                self._db.rollback()
                raise
        except ConfigError:
            raise
        except (sqlite3.Error, ChatError, KeyError, OverflowError) as error:
            raise ConfigError(f"A row of {table} cannot be stored in SQLite: {error}") from error

    def _stored_names(self, table: str, columns: Sequence[str]) -> list[str]:
        """The columns to be written. Raises ConfigError for one that the target does not have."""
        here = {name for (name,) in self._db.rows("SELECT name FROM pragma_table_info(?)", table)}
        if table not in _LOGGED:
            names = list(columns)
        else:
            names = [name for name in columns if name not in ("workspace_id", "seq")] + ["place"]
            names += ["row"] if table == "messages" else []
        missing = [name for name in names if name not in here]
        if missing:
            raise ConfigError(
                f"The target has no {table}.{missing[0]}: install the same plugins for both, and the newer release."
            )
        return names

    def _stored(self, table: str, row: dict[str, object], names: Sequence[str]) -> Values:
        if table in _LOGGED:
            row["place"] = event_place(self._numbers().workspaces[str(row["workspace_id"])], _whole(row["seq"]))
        if table == "messages":
            row["row"] = self._row_of(str(row["channel_id"]), row["thread_id"] is not None, _whole(row["position"]))
        return tuple(row[name] for name in names)

    def _row_of(self, channel: str, reply: bool, position: int) -> int:
        numbers = self._numbers()
        if reply:
            position = numbers.replies[channel] = numbers.replies.get(channel, 0) + 1
        return message_row(numbers.channels[channel], position, reply=reply)

    def _numbers(self) -> _Numbers:
        """Known once workspaces and channels are there, which come before what lies by them."""
        if self._known is None:
            self._known = _Numbers(
                dict(self._db.rows("SELECT id, number FROM workspaces")),
                dict(self._db.rows("SELECT id, number FROM channels")),
            )
        return self._known

    def _finish(self, epoch: str) -> None:
        self._db.run("BEGIN IMMEDIATE")
        for channel, count in self._numbers().replies.items():
            self._db.run("UPDATE channels SET replies = ? WHERE id = ?", count, channel)
        self._db.run(_KEEP, "epoch", epoch)
        self._db.run(_KEEP, "file", str(os.stat(self._part).st_ino))
        self._db.run("COMMIT")
        self._db.run("ANALYZE")
        self._db.run("PRAGMA journal_mode = DELETE")  # everything into the one file that gets the name
        self._db.close()
        if self._path.exists():
            raise ConfigError(f"Somebody has made a database {self._path} meanwhile.")
        put_in_place(self._part, self._path)

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await trio.to_thread.run_sync(work, *args, limiter=self._limiter)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise ConfigError(f"{value!r} is no whole number")
    return value
