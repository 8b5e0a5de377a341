"""Migrations: up, down, half way, from the future, from several processes at once."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
import trio
from tests.plugins.chat_storage_sqlite.conftest import Connect

from chat_storage_sqlite.migrator import Migrator, find_migrations
from chatcore.errors import ConfigError
from chatcore.ports import Storage
from chatcore.ports.schema import Scripts

Open = Callable[..., AbstractAsyncContextManager[Storage]]

STEPS = (
    Scripts(1, "one", "CREATE TABLE one (a TEXT); INSERT INTO one VALUES ('semi;colon');", "DROP TABLE one;"),
    Scripts(2, "two", "CREATE TABLE two (b TEXT);\nCREATE TABLE three (c TEXT);", "DROP TABLE two; DROP TABLE three;"),
)
BROKEN = Scripts(2, "two", "CREATE TABLE two (b TEXT);\nINSERT INTO nowhere VALUES (1);", "")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}


Make = Callable[..., Migrator]


@pytest.fixture
def migrator(connect: Connect) -> Make:
    def make(path: Path, steps: tuple[Scripts, ...] = STEPS) -> Migrator:
        return Migrator(connect(path), steps)

    return make


def test_up_and_down_step_by_step(path: Path, migrator: Make) -> None:
    work = migrator(path)
    assert work.up(1, now_ms=0) == [1]
    assert [line.applied for line in work.status()] == [True, False]
    assert work.up(now_ms=0) == [2]
    assert work.up(now_ms=0) == []
    assert tables(path) == {"one", "two", "three", "schema_migrations"}
    assert work.down(1) == [2]
    assert tables(path) == {"one", "schema_migrations"}
    assert work.down(0) == [1]
    assert tables(path) == {"schema_migrations"}


def test_a_step_that_fails_leaves_nothing_behind(path: Path, migrator: Make) -> None:
    work = migrator(path, (STEPS[0], BROKEN))
    with pytest.raises(ConfigError, match="0002"):
        work.up(now_ms=0)
    assert tables(path) == {"one", "schema_migrations"}
    assert [line.applied for line in work.status()] == [True, False]


def test_an_old_schema_names_the_command(path: Path, migrator: Make) -> None:
    migrator(path).up(1, now_ms=0)
    with pytest.raises(ConfigError, match="chatcore migrate up"):
        migrator(path).check()


def test_a_schema_from_the_future_is_refused(path: Path, migrator: Make) -> None:
    migrator(path).up(now_ms=0)
    with pytest.raises(ConfigError, match="does not know"):
        migrator(path, STEPS[:1]).up(now_ms=0)


def test_another_migration_of_the_same_number_is_refused(path: Path, migrator: Make) -> None:
    migrator(path).up(now_ms=0)
    with pytest.raises(ConfigError, match="does not know"):
        migrator(path, (STEPS[0], Scripts(2, "other", "", ""))).status()


def test_a_half_migrated_schema_is_refused(path: Path, migrator: Make) -> None:
    migrator(path).up(now_ms=0)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DELETE FROM schema_migrations WHERE version = 1")
    with pytest.raises(ConfigError, match="half migrated"):
        migrator(path).up(now_ms=0)


def test_tables_without_a_record_are_refused(path: Path, migrator: Make) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE messages (a)")
    with pytest.raises(ConfigError, match="no record"):
        migrator(path).status()


def test_several_processes_may_start_at_once(path: Path, connect: Connect) -> None:
    found: list[list[int]] = []
    connections = [connect(path) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda db=db: found.append(Migrator(db, STEPS).up(now_ms=0))) for db in connections
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(version for versions in found for version in versions) == [1, 2]


def test_numbers_must_have_no_hole(tmp_path: Path) -> None:
    for name in ("0001_a", "0003_c"):
        (tmp_path / f"{name}.up.sql").write_text("")
        (tmp_path / f"{name}.down.sql").write_text("")
    with pytest.raises(ConfigError, match="hole"):
        find_migrations(tmp_path)


def test_what_is_released_goes_up_and_down_and_up_again(path: Path, migrator: Make) -> None:
    work = migrator(path, find_migrations())
    work.up(now_ms=0)
    first = tables(path)
    work.down(0)
    assert tables(path) == {"schema_migrations"}
    work.up(now_ms=0)
    assert tables(path) == first


async def test_opening_migrates(open_file: Open, path: Path) -> None:
    async with open_file(path):
        pass
    assert "messages" in tables(path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_many_may_open_a_new_database_at_once(open_file: Open, path: Path) -> None:
    epochs: set[str] = set()

    async def start() -> None:
        async with open_file(path) as storage:
            epochs.add(storage.epoch)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(start)
    assert len(epochs) == 1


async def test_what_is_no_database_is_refused(open_file: Open, path: Path) -> None:
    path.write_text("this is a text, and a rather long one, so that it fills the header of a database file " * 10)
    with pytest.raises(ConfigError, match="cannot be opened"):
        async with open_file(path):
            pass


async def test_a_folder_that_is_not_there_is_refused(open_file: Open, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        async with open_file(tmp_path / "nowhere" / "chat.db"):
            pass
