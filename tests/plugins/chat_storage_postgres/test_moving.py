"""Moving from a file into PostgreSQL: everything, once, the same."""

from pathlib import Path
from typing import Any

import pytest
import trio
from tests.plugins.moving import fill, look, plain, quiet
from tests.services.postgres import Postgres

from chat_storage_postgres import moving, open_postgres, open_upkeep
from chat_storage_sqlite import open_sqlite
from chatcore import Config, copy_database, export_database, import_database
from chatcore.errors import ConfigError
from chatcore.model import Reaction
from chatcore.testing.clock import START
from chatcore.testing.storage.town import Town, found_town


@pytest.fixture
def target(postgres: Postgres) -> str:
    """A database with the schema, and no tables of plugins."""
    url = postgres.new_database()

    async def migrate() -> None:
        async with open_upkeep(plain(url)) as migrator:
            await migrator.up()

    trio.run(migrate)
    return url


async def test_everything_is_there_and_goes_on(target: str, tmp_path: Path) -> None:
    town, before = await fill(tmp_path / "chat.db")
    source = f"sqlite:///{tmp_path}/chat.db"
    counts = await copy_database(Config(), source, target, quiet)
    assert counts["messages"] == 32
    async with open_postgres(plain(target)) as storage:
        moved = Town(storage, town.workspace, town.people, town.channel)
        after = await look(moved)
        for name, value in before.items():
            assert after[name] == value, name
        again = await moved.send(moved.ann, "twice", temp_id="one")
        assert again.duplicate
        sent = await moved.say(moved.ann, "here")
        assert sent.seq == before["log"][-1][0] + 1
        reaction = Reaction(message_id=sent.id, user_id=town.ann.id, emoji="👍", created_at=START)
        assert await storage.write(lambda tx: tx.messages.react(reaction))


async def test_what_was_interrupted_goes_on(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, before = await fill(tmp_path / "chat.db")
    source = f"sqlite:///{tmp_path}/chat.db"
    monkeypatch.setattr("chat_storage_sqlite.moving.BATCH", 7)

    def stop(table: str, done: int, total: int) -> None:
        if table == "messages" and done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(BaseException, match=r".*"):
        await copy_database(Config(), source, target, stop)
    with pytest.raises(ConfigError, match="not whole yet"):
        async with open_postgres(plain(target)):
            pass
    seen: list[int] = []
    await copy_database(
        Config(), source, target, lambda table, done, _: seen.append(done) if table == "messages" else None
    )
    assert seen[0] == 14
    async with open_postgres(plain(target)) as storage:
        assert storage.epoch == before["epoch"]


async def test_what_is_not_the_same_is_said(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(tmp_path / "chat.db")
    store = moving._stored

    def damaged(row: Any, kinds: Any) -> Any:
        return tuple("message 7!" if value == "message 7" else value for value in store(row, kinds))

    monkeypatch.setattr(moving, "_stored", damaged)
    with pytest.raises(ConfigError, match="copy of messages is not the same"):
        await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)


async def test_a_target_that_holds_something_is_refused(target: str, tmp_path: Path) -> None:
    async with open_postgres(plain(target)) as storage:
        await found_town(storage)
    await fill(tmp_path / "chat.db")
    with pytest.raises(ConfigError, match="something else"):
        await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)


async def test_a_source_in_use_is_refused(target: str, tmp_path: Path) -> None:
    async with open_sqlite(plain(f"sqlite:///{tmp_path}/chat.db")):
        with pytest.raises(ConfigError, match="in use"):
            await copy_database(Config(), f"sqlite:///{tmp_path}/chat.db", target, quiet)


async def test_an_archive_goes_in_and_out_of_both(target: str, postgres: Postgres, tmp_path: Path) -> None:
    town, before = await fill(tmp_path / "chat.db")
    here, there = Config(database_url=f"sqlite:///{tmp_path}/chat.db"), Config(database_url=target)
    back = Config(database_url=f"sqlite:///{tmp_path}/back.db")
    await export_database(here, tmp_path / "one.jsonl", quiet)
    await import_database(there, tmp_path / "one.jsonl", quiet)
    async with open_postgres(plain(target)) as storage:
        moved = Town(storage, town.workspace, town.people, town.channel)
        after = await look(moved)
        assert after.pop("epoch") != before["epoch"]
        assert after == {name: value for name, value in before.items() if name != "epoch"}
        await moved.say(moved.ben, "written there")
        expected = await look(moved)
        # While it is in use.
        counts = await export_database(there, tmp_path / "two.jsonl", quiet)
        await moved.say(moved.ben, "too late for the archive")
    assert counts["messages"] == 33
    await import_database(back, tmp_path / "two.jsonl", quiet)
    async with open_sqlite(plain(back.database_url)) as storage:
        returned = Town(storage, town.workspace, town.people, town.channel)
        found = await look(returned)
        assert found.pop("epoch") != expected.pop("epoch")
        assert found == expected
        await returned.say(returned.ann, "and on")


async def test_an_archive_that_was_interrupted_goes_on(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(tmp_path / "chat.db")
    archive, there = tmp_path / "one.jsonl", Config(database_url=target)
    await export_database(Config(database_url=f"sqlite:///{tmp_path}/chat.db"), archive, quiet)
    monkeypatch.setattr("chatcore.archive.BATCH", 7)

    def stop(table: str, done: int, total: int) -> None:
        if table == "messages" and done >= 14:
            raise RuntimeError("stopped")

    with pytest.raises(BaseException, match=r".*"):
        await import_database(there, archive, stop)
    with pytest.raises(ConfigError, match="not whole yet"):
        await export_database(there, tmp_path / "half.jsonl", quiet)
    seen: list[int] = []
    await import_database(there, archive, lambda table, done, _: seen.append(done) if table == "messages" else None)
    assert seen[0] == 14


async def test_an_archive_goes_into_no_database_that_holds_something(target: str, tmp_path: Path) -> None:
    await fill(tmp_path / "chat.db")
    await export_database(Config(database_url=f"sqlite:///{tmp_path}/chat.db"), tmp_path / "one.jsonl", quiet)
    async with open_postgres(plain(target)) as storage:
        await found_town(storage)
    with pytest.raises(ConfigError, match="something else"):
        await import_database(Config(database_url=target), tmp_path / "one.jsonl", quiet)
