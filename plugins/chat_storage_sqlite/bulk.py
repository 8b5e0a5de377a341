"""Many rows in one statement.

Bound values are twice as fast as a JSON parameter, and one statement for 50 rows gives the interpreter lock away once
instead of 50 times. SQLite prepares each number of rows once: there are at most `CHUNK` of them.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from chat_storage_sqlite.connection import Connection

CHUNK = 64
"""Rows in one statement."""
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
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
