"""The way to the database fails at the worst moments: the answer to a COMMIT is lost, or nothing is answered at all."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import pytest
import trio
from tests.services.postgres import Postgres
from tests.services.proxy import Fate, Proxy, proxying

from chatcore.errors import Unavailable
from chatcore.events import WorkspaceUpdated
from chatcore.ports import Storage, Tx
from chatcore.testing.storage.town import Town, found_town

Open = Callable[..., AbstractAsyncContextManager[Storage]]

HUNG_SECONDS = 10.0
"""How long anybody may be held by a server that says nothing."""
ONE_DEAD_SECONDS = 5.0
"""How long one connection that died without a word may hold them, where the server is well."""


@pytest.fixture
async def proxy(postgres: Postgres) -> AsyncIterator[Proxy]:
    async with proxying(postgres.port) as proxy:
        yield proxy


@pytest.fixture
async def far_town(url: str, proxy: Proxy, postgres: Postgres, open_database: Open) -> AsyncIterator[Town]:
    """A town whose database is reached through the proxy."""
    async with open_database(postgres.tcp_url("chat_shared", proxy.port)) as storage:
        yield await found_town(storage)
        proxy.mend()


@attrs.define
class Spoiler:
    """Does something to the next commits: before they arrive, or to the answers."""

    fate: Fate
    inward: bool
    left: int = 3
    _answer_is_due: bool = False

    def __call__(self, data: bytes, inward: bool) -> Fate:
        if self.left and inward and data[:1] == b"Q" and data[5:11] == b"COMMIT":
            if self.inward:
                self.left -= 1
                return self.fate
            self._answer_is_due = True
        elif self._answer_is_due and not inward:
            assert b"COMMIT" in data, "something else was answered"
            self._answer_is_due = False
            self.left -= 1
            return self.fate
        return Fate.PASS


@pytest.mark.parametrize(
    ("fate", "inward", "became"),
    [
        pytest.param(Fate.BREAK, False, "committed", id="the answer is cut off"),
        pytest.param(Fate.LOSE, False, "committed", id="the answer vanishes"),
        pytest.param(Fate.BREAK, True, "aborted", id="the order is cut off"),
        pytest.param(Fate.LOSE, True, "aborted", id="the order vanishes"),
    ],
)
async def test_a_commit_whose_answer_is_lost(
    fate: Fate, inward: bool, became: str, far_town: Town, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    """What was acknowledged is there once, and in order; nothing else is."""
    sent: list[tuple[int, str]] = []
    proxy.fate = spoiler = Spoiler(fate, inward, 3 if fate is Fate.BREAK else 1)

    async def talk(number: int) -> None:
        for count in range(10):
            # Without a tempId: nothing but the storage itself can tell that it was there before.
            posted = await far_town.send(far_town.people[number % 3], f"{number}-{count}")
            assert not posted.duplicate
            sent.append((posted.message.seq, posted.message.content))

    async def rename() -> None:
        event = WorkspaceUpdated(workspace_id=far_town.workspace.id, workspace=far_town.workspace)
        for _ in range(5):
            seq = await far_town.storage.write(lambda tx: tx.events.append(event))
            sent.append((seq, "renamed"))

    with caplog.at_level(logging.WARNING, "chatcore.storage"), trio.fail_after(30):
        before = len(far_town.heard)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rename)
            for number in range(10):
                nursery.start_soon(talk, number)
    assert spoiler.left == 0
    assert f"the answer to a COMMIT was lost: it was {became}" in caplog.text
    stored = {message.seq: message.content for message in (await far_town.page(limit=1000)).messages}
    assert stored == {seq: content for seq, content in sent if content != "renamed"}
    assert len(sent) == len({seq for seq, _ in sent}) == 105
    heard = [envelope.seq for envelope in far_town.heard[before:]]
    assert heard == sorted(seq for seq, _ in sent)
    assert heard == list(range(heard[0], heard[0] + 105)), "the log has no gap, and nothing twice"


async def test_nobody_is_held_for_long_by_a_server_that_says_nothing(far_town: Town, proxy: Proxy) -> None:
    await far_town.say(far_town.ann, "before")
    held: dict[str, float] = {}

    async def try_to(what: str, work: Callable[[], Any]) -> None:
        began = trio.current_time()
        with pytest.raises(Unavailable):
            await work()
        held[what] = trio.current_time() - began

    async def rename(tx: Tx) -> None:
        await tx.users.update(attrs.evolve(far_town.ann, first_name="Anna"))

    proxy.freeze()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(try_to, "post", lambda: far_town.say(far_town.ann, "lost"))
        nursery.start_soon(try_to, "read", far_town.page)
        await trio.sleep(0.5)
        nursery.start_soon(try_to, "write", lambda: far_town.storage.write(rename))
        nursery.start_soon(try_to, "later post", lambda: far_town.say(far_town.ben, "lost"))
    assert max(held.values()) < HUNG_SECONDS, held
    assert (await far_town.storage.health())["ok"] is False
    proxy.mend()
    with trio.fail_after(HUNG_SECONDS):
        while not (await far_town.storage.health())["ok"]:  # noqa: ASYNC110  # asking is what mends it
            await trio.sleep(0.05)
    await far_town.say(far_town.ann, "after")
    assert [message.content for message in (await far_town.page()).messages] == ["after", "before"]


async def test_a_connection_that_died_without_a_word_is_replaced(far_town: Town, proxy: Proxy) -> None:
    await far_town.page()
    dead = True

    def lose_the_old(data: bytes, inward: bool) -> Fate:
        nonlocal dead
        # A new connection begins with a message without a type, whose first byte is that of its length.
        if inward and data[:1] == b"\0":
            dead = False
        return Fate.LOSE if dead else Fate.PASS

    proxy.fate = lose_the_old
    began = trio.current_time()
    posted = await far_town.send(far_town.ann, "all the same")
    assert trio.current_time() - began < ONE_DEAD_SECONDS
    assert [message.seq for message in (await far_town.page()).messages] == [posted.message.seq]


async def test_a_statement_that_is_at_work_may_take_its_time(
    far_town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chat_storage_postgres.pulse.QUIET_SECONDS", 0.1)
    monkeypatch.setattr("chat_storage_postgres.pulse._PAUSE", 0.1)

    async def sleep(tx: Tx) -> str:
        await tx.sql.rows("SELECT pg_sleep(1)::text")
        return "slept"

    with caplog.at_level(logging.WARNING, "chatcore.storage"):
        assert await far_town.storage.write(sleep) == "slept"
        assert await far_town.storage.read(sleep) == "slept"
    assert "given up" not in caplog.text
