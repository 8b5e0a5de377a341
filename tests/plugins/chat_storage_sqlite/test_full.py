"""A full disk: an error that says so, nothing half done, reads go on, and writing works again once there is room."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from chat_storage_sqlite.tx import SqliteTx
from chatcore.errors import StorageFull
from chatcore.ports import Storage, Tx
from chatcore.testing.storage.town import Town, found_town

Open = Callable[..., AbstractAsyncContextManager[Storage]]

MIB = 1024 * 1024


async def set_room(town: Town, pages: int) -> None:
    """Let the database grow by so many pages and no further."""

    async def work(tx: Tx) -> None:
        assert isinstance(tx, SqliteTx)
        used = tx._db.value("PRAGMA page_count")
        tx._db.run(f"PRAGMA max_page_count = {used + pages}")

    await town.storage.write(work)


async def fill(town: Town) -> int:
    """Post until it fails; how many were acknowledged."""
    for count in range(100_000):
        try:
            await town.say(town.ann, f"filler {count} " + "x" * 3000)
        except StorageFull:
            return count
    raise AssertionError("the disk never got full")


async def check(town: Town, acknowledged: int) -> None:
    """Everything that was acknowledged is there, and nothing else."""
    position = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
    assert len(town.heard) == acknowledged
    assert town.heard[-1].seq == position.seq
    assert await town.counts(town.ben) == (acknowledged, 0)


async def test_a_database_that_may_not_grow(town: Town) -> None:
    await set_room(town, 50)
    count = await fill(town)
    assert count > 0
    assert (await town.storage.health())["reason"].startswith("The disk")
    await check(town, count)
    await set_room(town, 10_000)
    await town.say(town.ann, "room again")
    assert (await town.storage.health())["ok"] is True
    await check(town, count + 1)


async def test_many_at_once_fail_together_and_alone(town: Town) -> None:
    await set_room(town, 30)
    acknowledged: list[int] = []

    async def say(number: int) -> None:
        try:
            acknowledged.append((await town.say(town.ann, f"{number} " + "x" * 3000)).seq)
        except StorageFull:
            pass

    async with trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(say, number)
    assert sorted(acknowledged) == [envelope.seq for envelope in town.heard]
    assert await town.counts(town.ben) == (len(acknowledged), 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with 3 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_is_full(open_file: Open, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * MIB)
    async with open_file(small_disk / "chat.db") as storage:
        town = await found_town(storage)
        count = await fill(town)
        assert count > 0
        await check(town, count)
        assert (await storage.health())["ok"] is False
        ballast.unlink()
        await town.say(town.ann, "room again")
        await check(town, count + 1)
        assert (await storage.health())["ok"] is True
        assert await storage.read(_integrity) == "ok"


async def _integrity(tx: Tx) -> str:
    assert isinstance(tx, SqliteTx)
    return str(tx._db.value("PRAGMA integrity_check"))
