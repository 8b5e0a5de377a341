"""Many rows in one statement: every number of them arrives, and few statements are needed for that."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_storage_sqlite.bulk import SIZES, ask_rows, run_rows, with_rows
from chat_storage_sqlite.connection import Connection


@pytest.fixture
def db() -> Iterator[Connection]:
    with closing(Connection(sqlite3.connect(":memory:", isolation_level=None), slow_ms=60_000)) as db:
        db.run("CREATE TABLE numbers (number INTEGER, twice INTEGER)")
        yield db


@pytest.mark.parametrize("count", [0, 1, 7, 9, 23, 63, 64, 65, 200])
def test_every_row_arrives_in_order(db: Connection, count: int) -> None:
    run_rows(db, "INSERT INTO numbers (number, twice) /*rows*/", [(n, n * 2) for n in range(count)])
    assert db.rows("SELECT number, twice FROM numbers ORDER BY rowid") == [(n, n * 2) for n in range(count)]
    sql = """
        WITH asked (number) AS (/*rows*/)
        SELECT json_group_array(twice) FROM asked LEFT JOIN numbers ON numbers.number = asked.number
    """
    assert ask_rows(db, sql, [(n,) for n in range(count)]) == [n * 2 for n in range(count)]


def test_whatever_the_numbers_of_rows_there_are_few_statements(db: Connection) -> None:
    with_rows.cache_clear()
    for count in range(300):
        run_rows(db, "INSERT INTO numbers (number, twice) /*rows*/", [(0, 0)] * count)
    assert with_rows.cache_info().currsize <= len(SIZES)
