"""What surrounds a transaction: queues, threads, and work that does not keep to the rules."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
import trio

from chat_storage_sqlite import job
from chat_storage_sqlite.tx import SqliteTx
from chatcore.errors import Unavailable
from chatcore.model import User
from chatcore.ports import Envelope, Storage, Tx
from chatcore.testing.storage.town import Town, found_town
from chatcore.testing.values import make_user

Open = Callable[..., AbstractAsyncContextManager[Storage]]


async def sleepy(tx: Tx) -> None:
    """Work that waits for something that is not of its tx."""
    await tx.users.insert(make_user("Sleepy"))
    await trio.sleep(1)


async def suspended(tx: Tx) -> None:
    """Work that gives its thread away."""
    await tx.users.insert(make_user("Sleepy"))
    await _Pause()


class _Pause:
    def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204  # a generator of nothing
        yield


async def _sleepers(town: Town) -> list[User]:
    return await town.storage.read(lambda tx: tx.users.find(display_name="Sleepy"))


async def test_work_that_waits_is_refused_and_undone(town: Town) -> None:
    with pytest.raises(RuntimeError, match="must never wait"):
        await town.storage.write(suspended)
    with pytest.raises(RuntimeError):
        await town.storage.write(sleepy)
    with pytest.raises(RuntimeError, match="must never wait"):
        await town.storage.read(lambda tx: _Pause())
    assert await _sleepers(town) == []
    await town.say(town.ann)


async def test_a_read_cannot_write(town: Town) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await town.storage.read(lambda tx: tx.users.insert(make_user("Sleepy")))
    assert await _sleepers(town) == []


async def test_the_queue_is_bounded(town: Town, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town.storage._lanes._writer.queue, "_max", 20)  # type: ignore[attr-defined]  # a file's lanes
    refused = 0

    async def say() -> None:
        nonlocal refused
        try:
            await town.say(town.ann)
        except Unavailable:
            refused += 1

    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as nursery:
            for _ in range(1000):
                nursery.start_soon(say)
            await trio.testing.wait_all_tasks_blocked()
            foreign.execute("ROLLBACK")
    assert refused >= 900
    assert len(town.heard) == 1000 - refused > 0


async def test_a_writer_that_is_stuck_takes_no_more(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_storage_sqlite.writer.PATIENCE", 0.05)
    release = threading.Event()

    async def stuck(tx: Tx) -> None:
        release.wait(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(town.storage.write, stuck)
        await trio.sleep(0.2)
        with pytest.raises(Unavailable):
            await town.say(town.ann)
        assert (await town.storage.health())["ok"] is False
        assert (await town.page()).messages == ()
        monkeypatch.undo()
        release.set()
    assert (await town.storage.health())["ok"] is True
    await town.say(town.ann)


async def test_reads_that_waited_too_long_are_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PATIENCE", 0.05)
    release = threading.Event()

    async def block(tx: Tx) -> None:
        release.wait(5)

    refused = 0

    async def look() -> None:
        nonlocal refused
        try:
            await town.page()
        except Unavailable:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(town.storage.read, block)
        await trio.sleep(0.1)
        for _ in range(3):
            nursery.start_soon(look)
        await trio.sleep(0.2)
        release.set()
    assert refused == 3


async def test_a_closed_storage_says_so(open_file: Open, path: Path) -> None:
    async with open_file(path) as storage:
        town = await found_town(storage)
    with pytest.raises(Unavailable, match="closed"):
        await town.say(town.ann)
    with pytest.raises(Unavailable, match="closed"):
        await town.page()


async def test_closing_finishes_what_was_begun_and_ends_the_threads(open_file: Open, path: Path) -> None:
    before = threading.active_count()
    sent: list[int] = []
    async with trio.open_nursery() as nursery, open_file(path) as storage:
        town = await found_town(storage)

        async def say() -> None:
            sent.append((await town.say(town.ann)).seq)

        for _ in range(50):
            nursery.start_soon(say)
        await trio.testing.wait_all_tasks_blocked(0)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("chatcore-storage")]
    assert names == []
    assert threading.active_count() <= before + 1
    assert len(sent) == 50
    assert not path.with_name("chat.db-wal").exists()


async def test_a_listener_that_fails_harms_nobody(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Envelope] = []

    def broken(envelopes: object) -> None:
        raise ValueError("broken listener")

    town.storage.on_commit(broken)
    town.storage.on_commit(heard.extend)
    await town.say(town.ann)
    assert len(heard) == 1
    assert "broken listener" in caplog.text


async def test_slow_transactions_and_statements_are_logged(
    open_file: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(tx: Tx) -> None:
        assert isinstance(tx, SqliteTx)
        tx._db.value(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
        )

    async with open_file(path, slow_query_ms=1) as storage:
        town = await found_town(storage)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "chatcore.storage"):
            await town.storage.read(slow)
    records = {record.message: record for record in caplog.records}
    assert "RECURSIVE" in records["slow statement"].sql  # type: ignore[attr-defined]  # extra
    assert "slow" in records["slow transaction"].work  # type: ignore[attr-defined]  # extra
    assert records["slow transaction"].duration_ms > 1  # type: ignore[attr-defined]  # extra


async def test_a_writer_that_breaks_down_answers_those_who_wait_and_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    db = town.storage._lanes._writer._db  # type: ignore[attr-defined]  # a file's lanes
    faults, begin = [RuntimeError("a fault of ours")], db.run

    def run(sql: str, *values: object) -> int:
        if sql == "BEGIN IMMEDIATE" and faults:
            raise faults.pop()
        return int(begin(sql, *values))

    monkeypatch.setattr(db, "run", run)
    with trio.fail_after(5), pytest.raises(Unavailable, match="broke down"):
        await town.say(town.ann, "refused")
    assert "a fault of ours" in caplog.text
    await town.say(town.ann, "kept")
    assert [message.content for message in (await town.page()).messages] == ["kept"]
    assert (await town.storage.health())["ok"] is True
