"""The migrator port on SQLite, through `open_migrator` as the command line uses it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Config, open_chat, open_migrator
from chatcore.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(database_url=f"sqlite:///{tmp_path}/chat.db", secret="a secret for tests only")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


async def test_status_of_nothing_makes_nothing(config: Config, path: Path) -> None:
    async with open_migrator(config) as migrator:
        lines = await migrator.status()
    assert lines
    assert not any(line.applied for line in lines)
    assert not path.exists()


async def test_up_makes_a_database_that_a_chat_opens(config: Config, path: Path) -> None:
    async with open_migrator(config) as migrator:
        applied = await migrator.up()
        assert applied == [line.version for line in await migrator.status()]
        assert await migrator.up() == []
    async with open_chat(config=config) as chat:
        await chat.users.create(email="ada@example.org")
    assert path.exists()


async def test_who_only_looks_leaves_nothing_beside_the_database(config: Config, tmp_path: Path) -> None:
    async with open_migrator(config) as migrator:
        await migrator.up()
        before = sorted(tmp_path.iterdir())
        assert await migrator.check() == []
        await migrator.status()
        await migrator.plugin_status()
    assert sorted(tmp_path.iterdir()) == before


async def test_down_undoes_everything(config: Config) -> None:
    async with open_migrator(config) as migrator:
        applied = await migrator.up()
        assert await migrator.down(0) == applied[::-1]
        assert not any(line.applied for line in await migrator.status())


async def test_down_and_restore_refuse_a_database_in_use(config: Config, path: Path, tmp_path: Path) -> None:
    async with open_chat(config=config) as chat:
        await chat.storage.backup(str(tmp_path / "copy.db"))
        async with open_migrator(config) as migrator:
            with pytest.raises(ConfigError, match="in use"):
                await migrator.down(0)
            with pytest.raises(ConfigError, match="in use"):
                await migrator.restore(str(tmp_path / "copy.db"))
        await chat.users.create(email="still@example.org")


async def test_restore_brings_back_what_was_saved_in_a_new_epoch(config: Config, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    async with open_chat(config=config) as chat:
        await chat.users.create(email="before@example.org")
        await chat.storage.backup(copy)
        await chat.users.create(email="after@example.org")
        epoch = chat.storage.epoch
    async with open_migrator(config) as migrator:
        await migrator.restore(copy)
    async with open_chat(config=config) as chat:
        assert [user.email for user in await chat.users.list()] == ["before@example.org"]
        assert chat.storage.epoch != epoch


async def test_only_a_database_of_ours_is_restored(config: Config, path: Path, tmp_path: Path) -> None:
    async with open_migrator(config) as migrator:
        await migrator.up()
        before = path.read_bytes()
        (tmp_path / "letter.txt").write_text("Dear diary" * 1000)
        with closing(sqlite3.connect(tmp_path / "other.db")) as other:
            other.execute("CREATE TABLE bookmarks (url TEXT)")
        for name in ("letter.txt", "other.db"):
            with pytest.raises(ConfigError, match=f"{name} is no backup of a Chatcore database"):
                await migrator.restore(str(tmp_path / name))
        with pytest.raises(ConfigError, match="There is no backup"):
            await migrator.restore(str(tmp_path / "nothing.db"))
    assert path.read_bytes() == before


async def test_a_damaged_backup_is_not_restored(config: Config, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with open_chat(config=config) as chat:
        await chat.users.create(email="ada@example.org")
        await chat.storage.backup(str(copy))
    data = copy.read_bytes()
    async with open_migrator(config) as migrator:
        for page in range(1, len(data) // 4096):
            copy.write_bytes(data[: page * 4096] + b"\xff" * 4096 + data[(page + 1) * 4096 :])
            with pytest.raises(ConfigError, match=r"copy\.db"):
                await migrator.restore(str(copy))
        assert await migrator.check() == []
    async with open_chat(config=config) as chat:
        assert [user.email for user in await chat.users.list()] == ["ada@example.org"]


async def test_check_finds_what_points_at_nothing(config: Config, path: Path) -> None:
    async with open_migrator(config) as migrator:
        await migrator.up()
        assert await migrator.check() == []
        with closing(sqlite3.connect(path)) as raw:
            table, column, parent = raw.execute(
                "SELECT m.name, f.'from', f.'table' FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f "
                "WHERE m.name = 'credentials'"
            ).fetchone()
            columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            values = ["nobody" if name == column else "1" for name in columns]
            raw.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
            raw.commit()
        [problem] = await migrator.check()
    assert table in problem
    assert parent in problem


async def test_check_finds_a_damaged_page(config: Config, path: Path) -> None:
    async with open_chat(config=config) as chat:
        owner = await chat.users.create(email="ada@example.org")
        await chat.workspaces.create(name="Team", slug="team", owner=owner)
    data = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as raw:
        (size,) = raw.execute("PRAGMA page_size").fetchone()
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'users'").fetchone()
    data[(root - 1) * size + 8 : root * size] = b"\xff" * (size - 8)
    path.write_bytes(data)
    async with open_migrator(config) as migrator:
        assert await migrator.check() != []


async def test_a_database_in_memory_has_no_migrator() -> None:
    with pytest.raises(ConfigError, match="memory"):
        async with open_migrator(Config(database_url="memory:")):
            pass
