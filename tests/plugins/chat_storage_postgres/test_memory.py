"""What is remembered from one run of posts to the next is relied on only while it holds."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import attrs
import pytest
import trio
from tests.services.postgres import Postgres

from chat_storage_postgres import post_rows, posting
from chat_storage_postgres.batch import Act
from chat_storage_postgres.connection import Connection
from chatcore.errors import Forbidden, NotFound
from chatcore.events import ChannelArchived, MemberLeft
from chatcore.ids import AttachmentId
from chatcore.ports import Storage, Tx
from chatcore.testing.clock import START
from chatcore.testing.storage.town import Town, found_town
from chatcore.testing.values import make_post, new_id

Open = Callable[..., AbstractAsyncContextManager[Storage]]


@pytest.fixture
async def second(url: str, open_database: Open, town: Town) -> AsyncIterator[Storage]:
    """Another node on the town's database."""
    async with open_database(url) as storage:
        yield storage


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collects what is done on the way to a message, in words of ours."""
    done: list[str] = []
    do = Connection._do
    words = {posting._ASK: "ask", posting._LOCK_AND_ASK: "ask", post_rows._WRITE: "write", "ROLLBACK": "take back"}

    async def heard(self: Connection, method: Any, sql: str, values: tuple[Any, ...]) -> Any:
        if sql in words:
            done.append(words[sql])
        return await do(self, method, sql, values)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "_do", heard)
        yield done


async def warm(town: Town) -> int:
    """Let everybody in the town be known; the seq of the last message."""
    for _ in range(3):
        for person in town.people:
            seq = (await town.say(person)).seq
    return seq


async def test_who_writes_alone_is_asked_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = await warm(town)
    with listening(monkeypatch) as done:
        sent = [await town.say(person, temp_id=str(count)) for count in range(3) for person in town.people]
    assert done == ["write"] * 9
    assert [message.seq for message in sent] == list(range(seq + 1, seq + 1 + len(sent)))
    assert (await town.page(limit=len(sent))).messages == tuple(reversed(sent))
    assert await town.counts(town.ann) == (2, 0)


async def test_a_retry_returns_the_first_message(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await warm(town)
    first = await town.say(town.ann, "first", temp_id="t")
    posted: list[tuple[bool, str]] = []

    async def send(temp_id: str) -> None:
        again = await town.send(town.ann, f"again {temp_id}", temp_id=temp_id)
        posted.append((again.duplicate, again.message.content))

    async with trio.open_nursery() as nursery:
        for temp_id in ("a", "t", "b", "t", "a"):
            nursery.start_soon(send, temp_id)
    assert sorted(posted) == [(False, "again a"), (False, "again b"), (True, "again a"), *[(True, "first")] * 2]
    with listening(monkeypatch) as done:
        await town.say(town.ann, "and so on")
    assert done == ["write"], "what was refused does not make it forget"
    assert (await town.page(limit=3)).messages[-1].seq == first.seq + 1


async def test_what_holds_no_longer_is_found_out_before_anything_is_written(
    town: Town, second: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await warm(town)
    await second.post(make_post(town.channel, town.ben, "from elsewhere"))
    with listening(monkeypatch) as done:
        for _ in range(3):
            await town.say(town.ann)
    # The first time in vain; the second time others are still reckoned with.
    assert done == ["write", "ask", "write", "ask", "write", "write"]


async def test_who_is_not_known_is_asked_about(town: Town) -> None:
    channel = await town.open_channel("without-ben", town.ann, town.cleo)
    for _ in range(3):
        await town.say(town.ann, channel=channel)
    with pytest.raises(Forbidden):
        await town.send(town.ben, channel=channel)
    assert (await town.say(town.cleo, channel=channel)).seq == (await town.say(town.ann, channel=channel)).seq - 1


async def test_replies_and_attachments_are_asked_about(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await warm(town)
    root = await town.say(town.ann)
    await warm(town)
    assert (await town.say(town.ben, thread_id=root.id)).thread_id == root.id
    await warm(town)
    with listening(monkeypatch) as done, pytest.raises(NotFound):
        await town.send(town.ben, attachment_ids=(new_id(AttachmentId),))
    assert done == ["ask"]


async def test_another_node_s_messages_come_in_between(town: Town, second: Storage) -> None:
    await warm(town)
    seqs: list[int] = []

    async def talk(storage: Storage, number: int) -> None:
        for count in range(8):
            post = make_post(town.channel, town.people[number % 3], f"{number} {count}", temp_id=f"{number} {count}")
            seqs.append((await storage.post(post)).message.seq)
            await trio.sleep(0.002 * (number % 3))

    before = (await town.page(limit=1)).messages[0].seq
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(talk, town.storage if number % 2 else second, number)
    assert sorted(seqs) == list(range(before + 1, before + 49))
    assert {message.seq for message in (await town.page(limit=48)).messages} == set(seqs)
    for storage in (town.storage, second):
        position = await storage.read(lambda tx: tx.events.position(town.workspace.id))
        assert position.seq == before + 48
    newest_first = [message.user_id for message in (await town.page(limit=48)).messages]
    assert await town.counts(town.cleo) == (newest_first.index(town.cleo.id), 0)


async def test_who_was_removed_on_another_node_may_not_send(town: Town, second: Storage) -> None:
    await warm(town)

    async def remove(tx: Tx) -> None:
        await tx.channel_members.delete(town.channel.id, town.ben.id)
        await tx.events.append(
            MemberLeft(workspace_id=town.workspace.id, user_id=town.ben.id, channel_id=town.channel.id)
        )

    await second.write(remove)
    with pytest.raises(Forbidden):
        await town.send(town.ben, "still here")
    assert (await town.say(town.ann)).content == "Hello"


@pytest.mark.parametrize("here", [True, False], ids=["here", "on another node"])
async def test_a_channel_that_was_archived_takes_no_messages(town: Town, second: Storage, here: bool) -> None:
    await warm(town)

    async def archive(tx: Tx) -> None:
        await tx.channels.update(attrs.evolve(town.channel, archived_at=START))
        if not here:  # where nobody but the storage itself can know, others are told
            await tx.events.append(
                ChannelArchived(workspace_id=town.workspace.id, channel_id=town.channel.id, archived_at=START)
            )

    await (town.storage if here else second).write(archive)
    with pytest.raises(Forbidden):
        await town.send(town.ann, "too late")


async def test_what_is_gone_is_not_there_any_more(town: Town, postgres: Postgres) -> None:
    await warm(town)
    postgres.sql(f"DELETE FROM workspaces WHERE id = '{town.workspace.id}'", "chat_shared")
    with pytest.raises(NotFound):
        await town.send(town.ann, "anybody?")


async def test_a_run_to_two_workspaces_is_written_whole_or_asked_about(
    town: Town, second: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await found_town(town.storage)
    first, last = await warm(town), await warm(other)
    await warm(town)
    await second.post(make_post(other.channel, other.ben, "from elsewhere"))
    acts = [Act(make_post(one.channel, person), START) for one in (town, other) for person in one.people]
    storage: Any = town.storage  # one transaction for all, which callers that come at once may or may not get
    with listening(monkeypatch) as heard:
        done = await storage._bridge.run(storage._writer._committer.commit, acts)
    assert heard == ["write", "ask", "write"]
    seqs = [outcome.unwrap().message.seq for outcome in done.outcomes]
    assert seqs == [*range(first + 10, first + 13), *range(last + 2, last + 5)]
    assert len((await town.page(limit=100)).messages) == 21
    assert len((await other.page(limit=100)).messages) == 13


async def test_a_lost_connection_ends_what_was_remembered(
    town: Town, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await warm(town)
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chatcore'")
    with listening(monkeypatch) as done:
        assert (await town.say(town.ann)).seq == seq + 1
    assert done[-2:] == ["ask", "write"]
