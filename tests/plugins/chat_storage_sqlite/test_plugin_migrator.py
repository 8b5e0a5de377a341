"""The steps of plugins' own tables: recorded apart, held to their names, undone by hand only."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.plugins.chat_storage_sqlite.conftest import Connect

from chat_storage_sqlite.migrator import Migrator
from chat_storage_sqlite.plugin_migrator import PluginMigrator
from chatcore import Config, open_chat, open_migrator
from chatcore.errors import ConfigError
from chatcore.hooks import hookimpl
from chatcore.ports import PluginMigration


def step(version: int, up: str, down: str = "", name: str = "step", dialect: str = "sqlite") -> PluginMigration:
    return PluginMigration(version=version, name=name, up={dialect: up}, down={dialect: down})


ONE = step(1, "CREATE TABLE nospam_words (word TEXT UNIQUE);", "DROP TABLE nospam_words;")
TWO = step(2, "CREATE INDEX nospam_by_word ON nospam_words (word);", "DROP INDEX nospam_by_word;")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE name LIKE 'nospam%'")}


Make = Callable[..., PluginMigrator]


@pytest.fixture
def migrator(connect: Connect) -> Make:
    def make(path: Path, *steps: PluginMigration, plugin: str = "nospam") -> PluginMigrator:
        db = connect(path)
        Migrator(db).up(now_ms=0)
        return PluginMigrator(db, {plugin: steps})

    return make


def test_up_and_down_step_by_step(path: Path, migrator: Make) -> None:
    assert [line.version for line in migrator(path, ONE).up(now_ms=0)] == [1]
    work = migrator(path, ONE, TWO)
    assert [line.applied for line in work.status()] == [True, False]
    assert [(line.plugin, line.version) for line in work.up(now_ms=0)] == [("nospam", 2)]
    assert work.up(now_ms=0) == []
    assert tables(path) == {"nospam_words", "nospam_by_word"}
    assert [line.version for line in work.down("nospam", 0)] == [2, 1]
    assert tables(path) == set()
    assert not any(line.applied for line in work.status())


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE words (word TEXT);",
        "DROP TABLE rate_counters;",
        "ALTER TABLE users ADD COLUMN shoe_size INTEGER;",
        "CREATE TABLE nospam_words (w TEXT); CREATE TRIGGER spy AFTER INSERT ON users BEGIN SELECT 1; END;",
        "CREATE TABLE nospam_words (w TEXT); COMMIT; DROP TABLE rate_counters;",
        "CREATE TABLE nospam_words (w TEXT); SELEKT;",
    ],
)
def test_a_step_that_goes_beyond_its_own_names_leaves_nothing_behind(path: Path, migrator: Make, script: str) -> None:
    work = migrator(path, step(1, script))
    with pytest.raises(ConfigError, match=r"plugin nospam: step 1 \(step\)"):
        work.up(now_ms=0)
    assert not any(line.applied for line in work.status())


def test_a_step_of_a_newer_release_is_refused(path: Path, migrator: Make) -> None:
    migrator(path, ONE, TWO).up(now_ms=0)
    with pytest.raises(ConfigError, match="install the newer one"):
        migrator(path, ONE).up(now_ms=0)


def test_a_dialect_that_the_plugin_does_not_know_is_named(path: Path, migrator: Make) -> None:
    with pytest.raises(ConfigError, match="no tables for sqlite"):
        migrator(path, step(1, "…", dialect="postgresql")).up(now_ms=0)


def nospam(steps: Sequence[PluginMigration]) -> SimpleNamespace:
    return SimpleNamespace(name="nospam", register_migrations=hookimpl(lambda: steps))


async def test_a_plugin_of_a_chat_has_its_tables_and_its_shelf() -> None:
    plugin = nospam([ONE])
    async with open_chat("memory:", plugins=[plugin]) as chat:
        await chat.storage.write(lambda tx: tx.sql.run("INSERT INTO nospam_words VALUES (?)", "casino"))
        assert await chat.storage.read(lambda tx: tx.sql.rows("SELECT word FROM nospam_words")) == [("casino",)]


async def test_steps_without_number_one_refuse_the_start() -> None:
    with pytest.raises(ConfigError, match="plugin nospam, register_migrations: the steps are not numbered"):
        async with open_chat("memory:", plugins=[nospam([TWO])]):
            pass


async def test_the_core_s_schema_stays_while_a_plugin_has_tables(path: Path, tmp_path: Path) -> None:
    (tmp_path / "nospam.py").write_text(
        "from chatcore.hooks import hookimpl\n"
        "from chatcore.ports import PluginMigration\n"
        "@hookimpl\n"
        "def register_migrations():\n"
        f"    return [{ONE!r}]\n"
    )
    config = Config(database_url=f"sqlite:///{path}", plugins=(str(tmp_path / "nospam.py"),))
    async with open_migrator(config) as work:
        assert [line.applied for line in await work.plugin_status()] == [False]
        await work.up()
        assert [line.plugin for line in await work.plugins_up()] == ["nospam"]
        with pytest.raises(ConfigError, match="--plugin nospam --to 0"):
            await work.down(1)
        with pytest.raises(ConfigError, match="no plugin 'other'"):
            await work.plugin_down("other", 0)
        assert len(await work.plugin_down("nospam", 0)) == 1
        newest = (await work.status())[-1].version
        assert await work.down(1) == list(range(newest, 1, -1))
