"""Out into an archive and in again: everything, once, the same."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.moving import fill, look, plain, quiet

from chat_storage_sqlite import moving, moving_in, open_sqlite
from chatcore import Config, copy_database, export_database, import_database
from chatcore.errors import ConfigError
from chatcore.model import Reaction
from chatcore.testing.clock import START
from chatcore.testing.storage.town import Town


def at(folder: Path, name: str = "chat.db") -> Config:
    return Config(database_url=f"sqlite:///{folder}/{name}")


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_everything_is_there_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "BATCH", 7)
    monkeypatch.setattr("chatcore.archive.BATCH", 5)
    town, before = await fill(tmp_path / "chat.db")
    archive = tmp_path / "chat.jsonl"
    exported = await export_database(at(tmp_path), archive, quiet)
    assert exported["messages"] == 32
    assert archive.stat().st_mode & 0o777 == 0o600
    assert await import_database(at(tmp_path, "new.db"), archive, quiet) == exported
    assert names(tmp_path) == ["chat.db", "chat.jsonl", "new.db"]
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600
    async with open_sqlite(plain(at(tmp_path, "new.db").database_url)) as storage:
        moved = Town(storage, town.workspace, town.people, town.channel)
        after = await look(moved)
        assert after.pop("epoch") != before["epoch"], "what has happened since is not in it"
        assert after == {name: value for name, value in before.items() if name != "epoch"}
        assert (await moved.send(moved.ann, "twice", temp_id="one")).duplicate
        sent = await moved.say(moved.ann, "here, apple")
        assert sent.seq == before["log"][-1][0] + 1
        root = before["page"].messages[-1]
        reply = await moved.say(moved.ben, "a second reply", thread_id=root.id)
        assert reply.thread_id == root.id
        reaction = Reaction(message_id=sent.id, user_id=town.ann.id, emoji="👍", created_at=START)
        assert await storage.write(lambda tx: tx.messages.react(reaction))
    assert (await export_database(at(tmp_path, "new.db"), tmp_path / "again.jsonl", quiet))["messages"] == 34


async def test_a_database_in_use_is_exported_as_it_was_at_one_moment(tmp_path: Path) -> None:
    town, before = await fill(tmp_path / "chat.db")
    async with open_sqlite(plain(at(tmp_path).database_url)) as storage:
        living = Town(storage, town.workspace, town.people, town.channel)
        counts = await export_database(at(tmp_path), tmp_path / "chat.jsonl", quiet)
        await living.say(living.ann, "too late")
    assert counts["events"] == len(before["log"])


async def test_a_file_becomes_a_file_without_an_archive(tmp_path: Path) -> None:
    _, before = await fill(tmp_path / "chat.db")
    await copy_database(Config(), at(tmp_path).database_url, at(tmp_path, "new.db").database_url, quiet)
    async with open_sqlite(plain(at(tmp_path, "new.db").database_url)) as storage:
        assert storage.epoch == before["epoch"], "it is the same history, somewhere else"


async def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    await fill(tmp_path / "chat.db")
    await export_database(at(tmp_path), tmp_path / "chat.jsonl", quiet)
    with pytest.raises(ConfigError, match="already"):
        await import_database(at(tmp_path), tmp_path / "chat.jsonl", quiet)
    with pytest.raises(ConfigError, match="in memory"):
        await import_database(Config(database_url="sqlite:///:memory:"), tmp_path / "chat.jsonl", quiet)


async def test_what_was_interrupted_leaves_nothing(tmp_path: Path) -> None:
    await fill(tmp_path / "chat.db")
    archive = tmp_path / "chat.jsonl"
    await export_database(at(tmp_path), archive, quiet)

    def stop(table: str, done: int, total: int) -> None:
        if table == "messages" and done:
            raise RuntimeError("stopped")

    for act in (
        lambda: import_database(at(tmp_path, "new.db"), archive, stop),
        lambda: export_database(at(tmp_path), tmp_path / "other.jsonl", stop),
    ):
        with pytest.raises(RuntimeError, match="stopped"):
            await act()
        assert names(tmp_path) == ["chat.db", "chat.jsonl"]


async def test_what_is_not_the_same_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(tmp_path / "chat.db")
    await export_database(at(tmp_path), tmp_path / "chat.jsonl", quiet)
    store = moving_in.SqliteTarget._stored

    def damaged(self: Any, table: str, row: dict[str, Any], names: Any) -> Any:
        return store(self, table, {**row, **({"content": "?"} if row.get("content") == "message 7" else {})}, names)

    monkeypatch.setattr(moving_in.SqliteTarget, "_stored", damaged)
    with pytest.raises(ConfigError, match="copy of messages is not the same"):
        await import_database(at(tmp_path, "new.db"), tmp_path / "chat.jsonl", quiet)
    assert not (tmp_path / "new.db").exists()


async def test_rows_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    await fill(tmp_path / "chat.db")
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as raw:
        raw.execute(
            "INSERT INTO workspace_members SELECT 'nowhere', user_id, role, joined_at, NULL FROM workspace_members"
        )
    await export_database(at(tmp_path), tmp_path / "chat.jsonl", quiet)
    with pytest.raises(ConfigError, match="A row of workspace_members cannot be stored"):
        await import_database(at(tmp_path, "new.db"), tmp_path / "chat.jsonl", quiet)
