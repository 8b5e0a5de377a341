"""Many rows in one statement.

Bound values are twice as fast as a JSON parameter, and one statement for 50 rows gives the interpreter lock away once
instead of 50 times. SQLite prepares each number of rows once and remembers it, tens of KiB for a long one: there are
only so many `SIZES`, or rare ones would go on coming for hours, and look like a leak.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from chat_storage_sqlite.connection import Connection

SIZES = (64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2, 1)
"""Rows in one statement. Any number up to the first is the sum of three of them, most of two."""
ROWS = "/*rows*/"
"""Where a statement wants its VALUES."""


def run_rows(db: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute a statement with `/*rows*/` in it for these rows, all of one width."""
    for part in _chunks(rows):
        db.run(with_rows(sql, len(part), len(part[0])), *chain.from_iterable(part))


def ask_rows(db: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
    """The elements of the JSON arrays that such a query answers, in the order of the rows."""
    answers: list[Any] = []
    for part in _chunks(rows):
        answers += db.json(with_rows(sql, len(part), len(part[0])), *chain.from_iterable(part))
    return answers


@cache
def with_rows(sql: str, count: int, width: int) -> str:
    """The statement for `count` rows."""
    row = f"({', '.join('?' * width)})"
    return sql.replace(ROWS, "VALUES " + ", ".join([row] * count))


def _chunks(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    start = 0
    while left := len(rows) - start:
        size = next(size for size in SIZES if size <= left)
        yield rows[start : start + size]
        start += size
