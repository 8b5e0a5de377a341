"""New databases in memory."""

from contextlib import closing

from chat_storage_sqlite import blank
from chat_storage_sqlite.connection import Connection, open_connection
from chat_storage_sqlite.migrator import Migrator

LAST = "SELECT max(applied_at) FROM schema_migrations"


def _schema(db: Connection) -> object:
    return sorted(db.rows("SELECT type, name, tbl_name, sql FROM sqlite_master"))


def test_they_are_what_the_migrations_make() -> None:
    with closing(open_connection(None, 1000)) as copied, closing(open_connection(None, 1000)) as migrated:
        blank.fill(copied, now_ms=5)
        Migrator(migrated).up(now_ms=5)
        assert _schema(copied) == _schema(migrated)
        Migrator(copied).check()
        for (table,) in migrated.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        ):
            assert copied.rows(f"SELECT * FROM {table}") == migrated.rows(f"SELECT * FROM {table}"), table


def test_each_stands_alone() -> None:
    with closing(open_connection(None, 1000)) as one, closing(open_connection(None, 1000)) as other:
        blank.fill(one, now_ms=5)
        one.run("INSERT INTO meta (key, value) VALUES ('epoch', 'one')")
        blank.fill(other, now_ms=6)
        assert other.value("SELECT count(*) FROM meta WHERE value = 'one'") == 0
        assert (one.value(LAST), other.value(LAST)) == (5, 6)


def test_it_takes_more_than_it_began_with() -> None:
    with closing(open_connection(None, 1000)) as db:
        blank.fill(db, now_ms=5)
        db.run("INSERT INTO meta (key, value) VALUES ('large', ?)", "x" * 20_000_000)
        assert db.value("SELECT length(value) FROM meta WHERE key = 'large'") == 20_000_000
