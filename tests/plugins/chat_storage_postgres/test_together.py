"""Several nodes on one database: what was read before another's change is read again, and nobody undoes a change."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import pytest
import trio
from tests.services.postgres import Postgres

from chat_storage_postgres.stale import Snapshot
from chatcore.errors import ChatError, Duplicate, Unavailable
from chatcore.events import WorkspaceUpdated
from chatcore.ports import Storage, Tx, plugin_space
from chatcore.testing.storage.town import Town
from chatcore.testing.values import make_user

Open = Callable[..., AbstractAsyncContextManager[Storage]]

SPACE = plugin_space("together")


async def test_what_was_read_before_another_s_change_is_read_again(town: Town, postgres: Postgres) -> None:
    seen: list[Any] = []

    async def work(tx: Tx) -> int:
        workspace = await tx.workspaces.get(town.workspace.id)
        seen.append(workspace)
        if len(seen) == 1:
            # Another node is faster: it renames the workspace, and says so in the log.
            statement = f"UPDATE workspaces SET seq = seq + 1, name = 'Theirs' WHERE id = '{town.workspace.id}'"
            postgres.sql(statement, "chat_shared")
        assert workspace is not None
        return await tx.events.append(WorkspaceUpdated(workspace_id=workspace.id, workspace=workspace))

    before = (await town.storage.read(lambda tx: tx.events.position(town.workspace.id))).seq
    assert await town.storage.write(work) == before + 2
    assert [workspace.name for workspace in seen] == [town.workspace.name, "Theirs"]
    assert [envelope.seq for envelope in town.heard] == [before + 2]


async def test_two_nodes_that_count_in_one_row_lose_nothing(town: Town, url: str, open_database: Open) -> None:
    async with open_database(url) as second:

        async def rename(storage: Storage) -> None:
            async def work(tx: Tx) -> None:
                user = await tx.users.get(town.ann.id)
                assert user is not None
                await tx.users.update(attrs.evolve(user, first_name=user.first_name + "x"))
                value = await tx.pairs.get(SPACE, "count")
                await tx.pairs.put(SPACE, "count", (value or b"") + b"x")

            await storage.write(work)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(rename, town.storage)
                nursery.start_soon(rename, second)
        user = await town.storage.read(lambda tx: tx.users.get(town.ann.id))
        assert user is not None
        assert user.first_name == "x" * 40
        assert await second.read(lambda tx: tx.pairs.get(SPACE, "count")) == b"x" * 40


async def test_a_caught_error_leaves_what_was_done_before_it(town: Town) -> None:
    first, last = make_user(), make_user()

    async def work(tx: Tx) -> None:
        await tx.users.insert(first)
        with pytest.raises(Duplicate):
            await tx.users.insert(town.ann)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(town.storage.write, work)
        nursery.start_soon(town.say, town.ann, "beside it")
        nursery.start_soon(town.storage.write, lambda tx: tx.users.insert(last))
    for user in (first, last):
        assert await town.storage.read(lambda tx, id=user.id: tx.users.get(id)) == user  # type: ignore[misc]


async def test_a_server_that_ends_our_connections_costs_nobody_a_message(town: Town, postgres: Postgres) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'chatcore%'"
    sent: list[str] = []

    async def talk(number: int) -> None:
        for count in range(20):
            temp_id = f"{number}-{count}"
            while True:
                try:
                    await town.send(town.people[number % 3], temp_id, temp_id=temp_id)
                    break
                except Unavailable:
                    await trio.sleep(0.01)
            sent.append(temp_id)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(talk, number)
        for _ in range(5):
            await trio.sleep(0.05)
            await trio.to_thread.run_sync(postgres.sql, end)
    stored = [message.temp_id for message in (await town.page(limit=1000)).messages]
    assert sorted(sent) == sorted(str(temp_id) for temp_id in stored)
    assert len(set(stored)) == 200
    assert (await town.storage.health())["ok"] is True


async def test_a_read_cannot_write(town: Town) -> None:
    with pytest.raises(Exception, match="read-only") as refused:
        await town.storage.read(lambda tx: tx.users.insert(make_user("Sleepy")))
    assert not isinstance(refused.value, ChatError)
    assert await town.storage.read(lambda tx: tx.users.find(display_name="Sleepy")) == []


@pytest.mark.parametrize(
    ("text", "xid", "over"),
    [
        ("10:20:12,15", 9, True),
        ("10:20:12,15", 12, False),
        ("10:20:12,15", 13, True),
        ("10:20:", 20, False),
        ("10:20:", 19, True),
        # Rows carry 32 bits of a number that has more: here it has just gone round.
        (f"{2**32 - 5}:{2**32 + 3}:{2**32 - 1}", 2**32 - 2, True),
        (f"{2**32 - 5}:{2**32 + 3}:{2**32 - 1}", 2**32 - 1, False),
        (f"{2**32 - 5}:{2**32 + 3}:{2**32 - 1}", 2, True),
        (f"{2**32 - 5}:{2**32 + 3}:{2**32 - 1}", 3, False),
    ],
)
def test_snapshots_know_who_was_over(text: str, xid: int, over: bool) -> None:
    assert Snapshot.parse(text).knows(xid) is over
