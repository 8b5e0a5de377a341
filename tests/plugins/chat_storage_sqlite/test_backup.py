"""Copies taken while everything goes on."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
import trio

from chat_storage_sqlite.backup import restore
from chatcore.errors import ConfigError, Unavailable
from chatcore.ports import Storage
from chatcore.testing.storage.town import Town, found_town

Open = Callable[..., AbstractAsyncContextManager[Storage]]


async def test_a_backup_under_load_is_one_state(open_file: Open, town: Town, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    async def talk(number: int) -> None:
        for count in range(60):
            await town.say(town.people[number % 3], f"{number} {count}")

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(talk, number)
        await trio.sleep(0.05)
        await town.storage.backup(str(copy))
    async with open_file(copy) as storage:
        saved = Town(storage, town.workspace, town.people, town.channel)
        log = await saved.log()
        assert [envelope.seq for envelope in log] == list(range(1, len(log) + 1))
        messages = [envelope for envelope in log if envelope.type == "message_received"]
        assert 0 < len(messages) < len(town.heard)
        assert {m.seq for m in (await saved.page(limit=1000)).messages} == {envelope.seq for envelope in messages}


async def test_a_backup_is_the_owner_s_alone_and_whole(town: Town, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    await town.storage.backup(str(copy))
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir() if "copy" in file.name] == ["copy.db"]
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_backup_that_cannot_be_written(town: Town, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        await town.storage.backup(str(tmp_path / "nowhere" / "copy.db"))


async def test_a_new_backup_replaces_the_old_one(open_file: Open, town: Town, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    await town.storage.backup(str(copy))
    await town.say(town.ann, "later")
    await town.storage.backup(str(copy))
    async with open_file(copy) as storage:
        assert len((await Town(storage, town.workspace, town.people, town.channel).page()).messages) == 1


async def test_every_way_back_begins_a_new_epoch(open_file: Open, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with open_file(path) as storage:
        town = await found_town(storage)
        await storage.backup(str(copy))
        epochs = [storage.epoch]
    async with open_file(path) as storage:
        assert storage.epoch == epochs[0]
    restore(copy, path)
    async with open_file(path) as storage:
        epochs.append(storage.epoch)
        await Town(storage, town.workspace, town.people, town.channel).say(town.ann)
    restore(copy, path)
    async with open_file(path) as storage:
        epochs.append(storage.epoch)
    shutil.copyfile(path, tmp_path / "by-hand.db")
    async with open_file(tmp_path / "by-hand.db") as storage:
        epochs.append(storage.epoch)
    assert len(set(epochs)) == 4


async def test_a_damaged_backup_is_not_restored(town: Town, path: Path, tmp_path: Path) -> None:
    copy, target = tmp_path / "copy.db", tmp_path / "restored.db"
    for number in range(50):
        await town.say(town.ann, f"message {number} " * 20)
    await town.storage.backup(str(copy))
    content = bytearray(copy.read_bytes())
    content[20 * 4096 : 24 * 4096] = b"\xff" * 4 * 4096
    copy.write_bytes(content)
    with pytest.raises(ConfigError, match=r"damaged|restored"):
        restore(copy, target)
    assert not target.exists()


async def test_a_database_in_use_is_not_replaced(town: Town, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    await town.storage.backup(str(copy))
    with pytest.raises(ConfigError, match="in use"):
        restore(copy, path)
    await town.say(town.ann, "undisturbed")


async def test_a_damaged_database_gives_way_to_its_backup(path: Path, tmp_path: Path, open_file: Open) -> None:
    copy = tmp_path / "copy.db"
    async with open_file(path) as storage:
        town = await found_town(storage)
        await town.say(town.ann, "saved")
        await storage.backup(str(copy))
    path.write_bytes(b"\xff" * 10_000)
    path.with_name("chat.db-wal").write_bytes(b"\xff" * 10_000)
    restore(copy, path)
    async with open_file(path) as storage:
        page = await Town(storage, town.workspace, town.people, town.channel).page()
        assert [message.content for message in page.messages] == ["saved"]


async def test_a_database_is_not_its_own_backup(town: Town, path: Path) -> None:
    with pytest.raises(Unavailable, match="itself"):
        await town.storage.backup(str(path))
    await town.say(town.ann, "unharmed")


def test_a_backup_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no backup"):
        restore(tmp_path / "copy.db", tmp_path / "chat.db")
