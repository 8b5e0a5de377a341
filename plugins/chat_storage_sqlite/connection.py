"""A connection to SQLite: its settings, its errors in our words, its slow statements in the log."""

import logging
import os
import sqlite3
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import orjson

from chat_storage_sqlite.faults import is_busy, translate
from chatcore.errors import ConfigError, Unavailable

BUSY_MS = 250
"""How long SQLite itself waits for a lock of another process; the writer decides how often it asks again."""
CHECKPOINT_PAGES = 4000
"""The log is folded into the database when it holds this many pages (16 MiB). Seldom: a page written ten times is then
folded once."""
MINIMUM = (3, 38, 0)
"""JSON operators, RETURNING, UPDATE FROM."""
_READ_ONLY = "PRAGMA query_only = ON"
"""Rather than a file opened with `mode=ro`: that makes the log and its index too where nobody has the database open,
and cannot take them away again when it is closed."""

log = logging.getLogger("chatcore.storage")


class Connection:
    """Statements in, plain values out. Used by one thread at a time.

    Every call of sqlite3 gives the interpreter lock away and has to win it back, for each row once more, which costs up
    to 5 ms while another thread computes. So rows are asked for as one JSON array (`json`), and changed from one.
    """

    def __init__(self, raw: sqlite3.Connection, slow_ms: float) -> None:
        self.raw = raw
        self._slow = slow_ms / 1000

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement; the number of rows that it changed."""
        return self._execute(sql, values).rowcount

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row."""
        found: tuple[Any, ...] | None = self._execute(sql, values).fetchone()
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None without one."""
        found = self.row(sql, *values)
        return None if found is None else found[0]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows, for a statement that is not ours to put into JSON."""
        return self._execute(sql, values).fetchall()

    def json(self, sql: str, *values: Any) -> Any:
        """The value of a query for one JSON text; None without one."""
        found = self.value(sql, *values)
        return None if found is None else orjson.loads(found)

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    def rollback(self) -> None:
        """End a transaction that failed, if SQLite has not done so itself."""
        if self.raw.in_transaction:
            self._execute("ROLLBACK", ())

    def close(self) -> None:
        self.raw.close()

    def _execute(self, sql: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        began = perf_counter()
        try:
            cursor = self.raw.execute(sql, values)
        except sqlite3.Error as error:
            known = translate(error)
            if known is None:
                raise
            raise known from error
        took = perf_counter() - began
        if took > self._slow:
            log.warning("slow statement", extra={"duration_ms": round(took * 1000, 1), "sql": " ".join(sql.split())})
        return cursor


def open_connection(path: Path | None, slow_ms: float, *, read_only: bool = False) -> Connection:
    """Connect to the file, or to a new database in memory. Raises ConfigError when it cannot be opened."""
    if sqlite3.sqlite_version_info < MINIMUM:
        wanted = ".".join(map(str, MINIMUM))
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old: Python must be linked with {wanted} or newer")
    try:
        raw = sqlite3.connect(
            _uri(path, read_only),
            uri=True,
            isolation_level=None,
            timeout=BUSY_MS / 1000,
            check_same_thread=False,
            cached_statements=512,
        )
        try:
            _configure(raw, read_only)
        except BaseException:
            raw.close()
            raise
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error) and is_busy(error):
            raise Unavailable("Another process holds the database. Try again.") from error
        raise ConfigError(f"DATABASE_URL: {path} cannot be opened as an SQLite database: {error}") from error
    return Connection(raw, slow_ms)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A bare connection to a file that is there, for any thread, which changes no row of it."""
    raw = sqlite3.connect(_file_uri(path, "rw"), uri=True, check_same_thread=False, isolation_level=None)
    raw.execute(_READ_ONLY)
    return raw


def _file_uri(path: Path, mode: str) -> str:
    """The URI by which SQLite opens a file: `mode` is `rw` or `rwc`."""
    return f"file:{quote(str(path))}?mode={mode}"


def _uri(path: Path | None, read_only: bool) -> str:
    if path is None:
        return "file::memory:"
    if not read_only and not path.exists():
        # Password hashes are in it: nobody else's business. SQLite gives its side files the same mode.
        os.close(os.open(path, os.O_CREAT, 0o600))
    return _file_uri(path, "rw" if read_only else "rwc")


def _configure(raw: sqlite3.Connection, read_only: bool) -> None:
    if read_only:
        raw.execute(_READ_ONLY)
    else:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    for setting in (
        # One fdatasync for each commit: what was acknowledged survives a power loss, not just a killed process.
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -8000",
        "temp_store = MEMORY",
        # Text of deleted messages is overwritten where that costs no further page.
        "secure_delete = FAST",
    ):
        raw.execute(f"PRAGMA {setting}")
