"""Another process holds the database: calls fail within seconds, loop and reads go on, and all is well afterwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest
import trio

from chatcore.errors import Unavailable
from chatcore.testing.storage.town import Town


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else is writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


async def test_a_short_lock_is_waited_for(town: Town, path: Path) -> None:
    async with trio.open_nursery() as nursery:
        with locked(path):
            nursery.start_soon(town.say, town.ann, "patience")
            await trio.sleep(0.5)
            assert town.heard == []
    assert len(town.heard) == 1


@pytest.mark.slow
async def test_a_long_lock_is_unavailable_in_seconds(town: Town, path: Path) -> None:
    began = monotonic()
    lags: list[float] = []

    async def watch_loop() -> None:
        while True:
            before = monotonic()
            await trio.sleep(0.01)
            lags.append(monotonic() - before - 0.01)

    async def fail() -> None:
        with pytest.raises(Unavailable, match="process"):
            await town.say(town.ann, "never")

    async with trio.open_nursery() as watching:
        watching.start_soon(watch_loop)
        with locked(path):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(fail)
                await trio.sleep(0.2)
                assert (await town.page()).messages == ()
            assert monotonic() - began < 6
            assert (await town.storage.health())["ok"] is False
        watching.cancel_scope.cancel()
    # Waiting for the lock in the loop would take 250 ms at a time; the rest is left to a busy machine.
    assert max(lags) < 0.2
    assert (await town.storage.health())["ok"] is True
    sent = await town.say(town.ann, "at last")
    assert (await town.page()).messages == (sent,)


async def test_a_caller_that_waits_for_the_lock_can_be_cancelled(town: Town, path: Path) -> None:
    with locked(path):
        with trio.move_on_after(0.3) as scope:
            await town.say(town.ann, "withdrawn")
        assert scope.cancelled_caught
    await town.say(town.ann, "kept")
    assert [message.content for message in (await town.page()).messages] == ["kept"]
