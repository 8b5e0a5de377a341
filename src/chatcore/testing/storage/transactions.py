"""Transactions: all or nothing, one order, and callers that know."""

import random

import attrs
import pytest
import trio

from chatcore.errors import ChatError, Duplicate, NotFound
from chatcore.events import WorkspaceUpdated
from chatcore.model import User, Workspace
from chatcore.ports import Envelope, Tx
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import make_post, make_user, new_id


class Oops(Exception):
    """What a broken transaction raises."""


async def rename(tx: Tx, town: Town, name: str) -> int:
    """An event in the town's log that carries `name`."""
    workspace = town.workspace
    return await tx.events.append(WorkspaceUpdated(workspace_id=workspace.id, workspace=_named(workspace, name)))


class TransactionTests(StorageTests):
    async def test_write_returns_what_its_work_returns(self) -> None:
        async with self.town() as town:
            user = make_user()

            async def work(tx: Tx) -> str:
                await tx.users.insert(user)
                return "done"

            assert await town.storage.write(work) == "done"
            assert await town.storage.read(lambda tx: tx.users.get(user.id)) == user

    async def test_work_sees_its_own_changes(self) -> None:
        async with self.town() as town:
            user = make_user()

            async def work(tx: Tx) -> User | None:
                await tx.users.insert(user)
                return await tx.users.get(user.id)

            assert await town.storage.write(work) == user

    async def test_work_that_raises_has_done_nothing(self) -> None:
        async with self.town() as town:
            user = make_user()
            before = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))

            async def work(tx: Tx) -> None:
                await tx.users.insert(user)
                await rename(tx, town, "never")
                raise Oops

            with pytest.raises(Oops):
                await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.users.get(user.id)) is None
            assert await town.storage.read(lambda tx: tx.events.position(town.workspace.id)) == before
            assert town.heard == []

    async def test_a_read_raises_what_its_work_raises(self) -> None:
        async with self.town() as town:

            async def work(tx: Tx) -> None:
                raise Oops

            with pytest.raises(Oops):
                await town.storage.read(work)

    async def test_work_goes_on_after_an_error_that_it_caught(self) -> None:
        async with self.town() as town:
            user = make_user()

            async def work(tx: Tx) -> None:
                with pytest.raises(Duplicate):
                    await tx.users.insert(town.ann)
                await tx.users.insert(user)

            await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.users.get(user.id)) == user

    async def test_one_that_fails_does_not_take_its_neighbours_along(self) -> None:
        async with self.town() as town:
            users = [make_user() for _ in range(30)]
            failed: list[int] = []

            async def insert(number: int) -> None:
                async def work(tx: Tx) -> None:
                    await tx.users.insert(users[number])
                    await rename(tx, town, str(number))
                    if number % 3 == 0:
                        raise Oops

                try:
                    await town.storage.write(work)
                except Oops:
                    failed.append(number)

            async with trio.open_nursery() as nursery:
                for number in range(30):
                    nursery.start_soon(insert, number)
            assert sorted(failed) == list(range(0, 30, 3))
            stored = await town.storage.read(lambda tx: tx.users.find())
            assert {user.id for user in stored} == {
                *(person.id for person in town.people),
                *(user.id for number, user in enumerate(users) if number % 3),
            }
            assert len(town.heard) == 20

    async def test_concurrent_writers_get_one_order_without_holes(self) -> None:
        async with self.town() as town:
            start = (await town.storage.read(lambda tx: tx.events.position(town.workspace.id))).seq
            given: list[int] = []

            async def append(name: str) -> None:
                given.append(await town.storage.write(lambda tx: rename(tx, town, name)))

            async def post(text: str) -> None:
                given.append((await town.say(town.ann, text)).seq)

            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(append if number % 2 else post, f"number {number}")
            expected = list(range(start + 1, start + 51))
            assert sorted(given) == expected
            assert [envelope.seq for envelope in town.heard] == expected
            assert [envelope.seq for envelope in await town.log(start)] == expected

    async def test_writes_are_done_in_the_order_of_their_calls(self) -> None:
        async with self.town() as town:
            called: list[str] = []
            done: dict[str, int] = {}

            async def act(number: int) -> None:
                name = f"number {number}"
                called.append(name)
                if number % 3:
                    done[name] = (await town.say(town.people[number % 3], name)).seq
                else:
                    done[name] = await town.storage.write(lambda tx: rename(tx, town, name))

            async with trio.open_nursery() as nursery:
                for number in range(60):
                    nursery.start_soon(act, number)
            assert sorted(done, key=done.__getitem__) == called

    async def test_listeners_are_called_before_the_caller_resumes(self) -> None:
        async with self.town() as town:
            told: list[Envelope] = []
            town.storage.on_commit(told.extend)
            seq = await town.storage.write(lambda tx: rename(tx, town, "new"))
            assert [(envelope.epoch, envelope.seq) for envelope in told] == [(town.storage.epoch, seq)]
            posted = await town.send(town.ann)
            assert told[-1].seq == posted.message.seq

    async def test_listeners_run_in_the_trio_thread(self) -> None:
        async with self.town() as town:
            names: list[str] = []
            town.storage.on_commit(lambda envelopes: names.append(trio.lowlevel.current_root_task().name))  # type: ignore[union-attr]  # raises elsewhere
            await town.say(town.ann)
            assert len(names) == 1

    async def test_what_was_heard_is_what_the_log_holds(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "one")
            await town.storage.write(lambda tx: rename(tx, town, "two"))
            first = town.heard[0].seq
            for heard, logged in zip(town.heard, await town.log(first - 1), strict=True):
                assert (heard.seq, heard.epoch, heard.type, heard.audience) == (
                    logged.seq,
                    logged.epoch,
                    logged.type,
                    logged.audience,
                )
                assert heard.data == logged.data
                assert heard.event == logged.event

    async def test_a_commit_without_events_is_silent(self) -> None:
        async with self.town() as town:
            await town.storage.write(lambda tx: tx.users.insert(make_user()))
            assert town.heard == []

    async def test_a_caller_that_is_cancelled_already_does_nothing(self) -> None:
        async with self.town() as town:
            user = make_user()
            with trio.CancelScope() as scope:
                scope.cancel()
                await town.storage.write(lambda tx: tx.users.insert(user))
            assert scope.cancelled_caught
            assert await town.storage.read(lambda tx: tx.users.get(user.id)) is None

    @pytest.mark.parametrize("seed", range(5))
    async def test_a_cancelled_caller_has_done_nothing_or_all(self, seed: int) -> None:
        async with self.town() as town:
            rng = random.Random(seed)
            returned: set[str] = set()
            ids = [new_id() for _ in range(60)]

            async def post(temp_id: str, delay: float) -> None:
                with trio.move_on_after(delay):
                    await town.storage.post(make_post(town.channel, town.ann, temp_id, temp_id=temp_id))
                    returned.add(temp_id)

            async with trio.open_nursery() as nursery:
                for temp_id in ids:
                    nursery.start_soon(post, temp_id, rng.random() * 0.01)
            stored = {message.temp_id for message in (await town.page()).messages}
            assert stored == returned
            assert [envelope.event.message.temp_id for envelope in town.heard] == [  # type: ignore[attr-defined]  # messages only
                message.temp_id for message in reversed((await town.page()).messages)
            ]

    async def test_a_read_sees_one_state(self) -> None:
        async with self.town() as town:

            async def look(tx: Tx) -> tuple[int, int]:
                seq = (await tx.events.position(town.workspace.id)).seq
                events = await tx.events.since(town.workspace.id, 0, limit=10_000)
                return seq, events[-1].seq

            async def write_on() -> None:
                for number in range(100):
                    await town.say(town.ann, str(number))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(write_on)
                for _ in range(30):
                    position, newest = await town.storage.read(look)
                    assert position == newest

    async def test_a_read_is_never_older_than_the_last_write(self) -> None:
        async with self.town() as town:
            for number in range(50):
                sent = await town.say(town.ann, str(number))
                page = await town.page(limit=1)
                assert page.messages[0].id == sent.id

    async def test_errors_say_what_to_do(self) -> None:
        async with self.town() as town:
            with pytest.raises(Duplicate) as taken:
                await town.storage.write(lambda tx: tx.users.insert(town.ann))
            with pytest.raises(NotFound) as missing:
                await town.storage.write(lambda tx: tx.users.update(make_user()))
            for error in (taken.value, missing.value):
                assert isinstance(error, ChatError)
                assert len(error.message) > 10

    async def test_health(self) -> None:
        async with self.town() as town:
            assert (await town.storage.health())["ok"] is True


def _named(workspace: Workspace, name: str) -> Workspace:
    return attrs.evolve(workspace, name=name)
