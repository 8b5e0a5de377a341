"""An archive: everything that one storage holds, as one file of JSON lines that any storage can take in.

    {"chatcore": "archive", "version": 1, "id": "…", "tables": 26}
    {"table": "users", "columns": ["id", "email", …], "rows": 2}
    ["0190…", "ada@example.org", …]
    …
    {"end": "archive", "rows": 31, "sha256": "…"}

A row is the list of its values (see `chatcore.ports.moving`); bytes are `{"base64": "…"}`, numbers that JSON has not
`{"number": "inf"}`. The last line counts the rows, and holds the SHA-256 of all the lines before it. Nothing is taken
from a file whose last line is not right.
"""

import base64
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import orjson
import trio

from chatcore.durable import put_in_place
from chatcore.errors import ConfigError
from chatcore.ports.moving import OWN_TABLES, Values

VERSION = 1
BATCH = 2000
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
"""They end up in statements."""


class ArchiveWriter:
    """Writes a file that appears under its name once it is whole, and on the disk."""

    def __init__(self, path: Path, file: BinaryIO, limiter: trio.CapacityLimiter) -> None:
        self._path = path
        self._file = file
        self._limiter = limiter
        self._digest = sha256()
        self._rows = 0

    async def begin(self, name: str, tables: int) -> None:
        await self._write([{"chatcore": "archive", "version": VERSION, "id": name, "tables": tables}])

    async def table(self, name: str, columns: Sequence[str], rows: int) -> None:
        """So many rows of this table come next."""
        await self._write([{"table": name, "columns": list(columns), "rows": rows}])

    async def rows(self, rows: Sequence[Values]) -> None:
        self._rows += len(rows)
        await self._write([_plain(row) for row in rows])

    async def end(self) -> None:
        await self._write([{"end": "archive", "rows": self._rows, "sha256": self._digest.hexdigest()}])
        await trio.to_thread.run_sync(self._keep, limiter=self._limiter)

    async def _write(self, lines: Sequence[Any]) -> None:
        await trio.to_thread.run_sync(self._put, lines, limiter=self._limiter)

    def _put(self, lines: Sequence[Any]) -> None:
        data = b"".join(orjson.dumps(line, default=_bytes, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        self._digest.update(data)
        self._file.write(data)

    def _keep(self) -> None:
        self._file.flush()
        put_in_place(_part(self._path), self._path)


@asynccontextmanager
async def write_archive(path: Path) -> AsyncIterator[ArchiveWriter]:
    """Write an archive; only its owner may read it, for secrets are in it. Raises ConfigError."""
    part = _part(path)
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield ArchiveWriter(path, file, trio.CapacityLimiter(1))
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"The archive {path} cannot be written: {error.strerror}.") from error


@attrs.frozen
class _Table:
    columns: tuple[str, ...]
    rows: int
    offset: int
    """Of its first row."""


class Archive:
    """A file that was found whole: see `chatcore.ports.moving.Source`."""

    def __init__(self, file: BinaryIO, name: str, tables: dict[str, _Table], limiter: trio.CapacityLimiter) -> None:
        self._file = file
        self._name = name
        self._tables = tables
        self._limiter = limiter

    @property
    def epoch(self) -> str:
        """A name for this archive: what was begun from one is not gone on with from another."""
        return self._name

    async def tables(self) -> Sequence[str]:
        return list(self._tables)

    async def count(self, table: str) -> int:
        return self._tables[table].rows

    async def columns(self, table: str) -> Sequence[str]:
        return self._tables[table].columns

    async def batches(self, table: str, *, skip: int) -> AsyncGenerator[Sequence[Values], None]:
        found = self._tables[table]
        offset, left = await trio.to_thread.run_sync(self._after, found, skip, limiter=self._limiter)
        while left > 0:
            rows, offset = await trio.to_thread.run_sync(
                self._read, offset, min(left, BATCH), len(found.columns), limiter=self._limiter
            )
            left -= len(rows)
            yield rows

    def _after(self, table: _Table, skip: int) -> tuple[int, int]:
        self._file.seek(table.offset)
        for _ in range(min(skip, table.rows)):
            self._file.readline()
        return self._file.tell(), max(table.rows - skip, 0)

    def _read(self, offset: int, count: int, width: int) -> tuple[list[Values], int]:
        self._file.seek(offset)
        rows = [_row(self._file.readline(), width) for _ in range(count)]
        return rows, self._file.tell()


@asynccontextmanager
async def open_archive(path: Path) -> AsyncIterator[Archive]:
    """An archive, read once from end to end before anything is taken from it. Raises ConfigError."""
    limiter = trio.CapacityLimiter(1)
    try:
        with open(path, "rb") as file:  # noqa: ASYNC230  # opening is quick; reading goes to a thread
            try:
                name, tables = await trio.to_thread.run_sync(_survey, file, limiter=limiter)
            except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
                raise ConfigError(f"{path} is no whole archive: {error}. Export it again.") from error
            yield Archive(file, name, tables, limiter)
    except OSError as error:
        raise ConfigError(f"The archive {path} cannot be read: {error.strerror}.") from error


def _survey(file: BinaryIO) -> tuple[str, dict[str, _Table]]:
    """Where each table begins. Raises ValueError (or its kin) unless the file is what was written, to its end."""
    digest, total = sha256(), 0

    def line() -> bytes:
        read = file.readline()
        digest.update(read)
        return read

    first = orjson.loads(line())
    if first.get("chatcore") != "archive":
        raise ValueError("its first line is not that of an archive")
    if first["version"] != VERSION:
        raise ValueError(f"it has version {first['version']}, this release reads {VERSION}")
    tables: dict[str, _Table] = {}
    for _ in range(int(first["tables"])):
        head = orjson.loads(line())
        table = _Table(tuple(head["columns"]), int(head["rows"]), file.tell())
        for name in (head["table"], *table.columns):
            if not isinstance(name, str) or not _NAME.match(name):
                raise ValueError(f"{name!r} is no name of a table or column")
        if head["table"] in tables or head["table"] in OWN_TABLES:
            raise ValueError(f"the table {head['table']} must not be in it, or not twice")
        tables[head["table"]] = table
        for _ in range(table.rows):
            line()
        total += table.rows
    seal = digest.hexdigest()
    last = orjson.loads(file.readline())
    if (last["rows"], last["sha256"]) != (total, seal) or file.read(1):
        raise ValueError("it was cut off or changed after it was written")
    return str(first["id"]), tables


def _row(line: bytes, width: int) -> Values:
    """Raises ConfigError for what was never a row: the checksum tells of accidents, not of those who wish us ill."""
    try:
        values = orjson.loads(line)
        if isinstance(values, list) and len(values) == width:
            return tuple(_value(value) for value in values)
    except (KeyError, TypeError, ValueError):
        pass  # said below
    raise ConfigError(f"The archive has a row that is not {width} plain values.")


def _value(value: Any) -> Any:
    """Raises KeyError, TypeError, ValueError."""
    if isinstance(value, list):
        raise TypeError("a list is no value of a row")
    if not isinstance(value, dict):
        return value
    return float(value["number"]) if "number" in value else base64.b64decode(value["base64"], validate=True)


def _plain(row: Values) -> list[Any]:
    """The values for JSON, which would make null of what is not finite."""
    return [{"number": str(value)} if isinstance(value, float) and not isfinite(value) else value for value in row]


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is no value of a row")


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")
