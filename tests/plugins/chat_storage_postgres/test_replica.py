"""A standby answers for pages of messages, and never with less than was acknowledged."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.plugins.chat_storage_postgres.conftest import context, migrate
from tests.services.postgres import Postgres, running_postgres, running_standby

from chat_storage_postgres import open_postgres
from chat_storage_sqlite import open_sqlite
from chatcore.errors import ConfigError, ValidationFailed
from chatcore.events import MessageDeleted
from chatcore.model import MessagePage
from chatcore.ports import Search, Storage, Tx
from chatcore.testing.storage.town import Town, found_town


@attrs.define(eq=False)
class Pair:
    """A database and its copy; `open` gives a node that knows of both."""

    primary: Postgres
    standby: Postgres
    name: str = ""

    @property
    def url(self) -> str:
        return self.primary.url(self.name)

    @asynccontextmanager
    async def open(self, replica: str | None = None) -> AsyncIterator[Storage]:
        given = context(self.url)
        config = attrs.evolve(given.config, database_replica_url=replica or self.standby.url(self.name))
        async with open_postgres(attrs.evolve(given, config=config)) as storage:
            yield storage

    def pause(self) -> None:
        """The copy is told everything, and shows nothing of it."""
        self.standby.sql("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        self.standby.sql("SELECT pg_wal_replay_resume()")

    async def caught_up(self) -> None:
        """Wait until the copy is where the database is now."""
        place = self.primary.sql("SELECT pg_current_wal_lsn()").strip()
        ask = f"SELECT pg_last_wal_replay_lsn() >= '{place}'"
        await until(lambda: self.standby.sql(ask).strip() == "t")


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with running_postgres() as primary, running_standby(primary) as standby:
        yield Pair(primary, standby)


@pytest.fixture
async def pair(servers: Pair) -> Pair:
    name = f"chat{next(servers.primary._numbers)}"
    servers.primary.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    pair = attrs.evolve(servers, name=name)
    await migrate(pair.url)
    await pair.caught_up()
    return pair


async def page(storage: Storage, town: Town) -> MessagePage:
    """The channel's newest messages, from whichever may answer."""
    return await storage.read(
        lambda tx: tx.messages.page(town.channel.id, before=None, after=None, limit=50), about=town.workspace.id
    )


async def facts(storage: Storage) -> tuple[bool, int, int]:
    """Whether the copy is away, how many reads it answered, and for how many it was late."""
    found = (await storage.health())["replica"]
    return found["away"], found["answered"], found["late"]


async def test_pages_threads_and_searches_come_from_the_copy(pair: Pair) -> None:
    async with pair.open() as storage:
        town = await found_town(storage)
        root = await town.say(town.ann, "an apple")
        reply = await town.say(town.ben, "a pear", thread_id=root.id)
        await pair.caught_up()
        assert [each.id for each in (await page(storage, town)).messages] == [root.id]
        thread = await storage.read(
            lambda tx: tx.messages.thread(root.id, before=None, after=None, limit=9), about=town.workspace.id
        )
        assert [each.id for each in thread.messages] == [reply.id]
        query = Search(text="pear", channels=(town.channel.id,))
        hits = await storage.read(lambda tx: tx.messages.search(query), about=town.workspace.id)
        assert [each.id for each in hits.messages] == [reply.id]
        assert await facts(storage) == (False, 3, 0)
        asked = pair.standby.sql("SELECT query FROM pg_stat_activity WHERE application_name = 'chatcore-replica'")
        assert "messages" in asked
        # What it raises is for the caller, as on the primary.
        with pytest.raises(ValidationFailed):
            await storage.read(
                lambda tx: tx.messages.page(town.channel.id, before=town.ann.id, after=None, limit=5),  # type: ignore[arg-type]
                about=town.workspace.id,
            )
        assert await facts(storage) == (False, 4, 0)


async def test_a_copy_that_is_behind_is_not_asked(pair: Pair) -> None:
    async with pair.open() as storage:
        town = await found_town(storage)
        await pair.caught_up()
        pair.pause()
        try:
            said = await town.say(town.ann, "news")
            assert [each.id for each in (await page(storage, town)).messages] == [said.id]
            assert await facts(storage) == (False, 0, 1)
        finally:
            pair.resume()
        await pair.caught_up()
        assert [each.id for each in (await page(storage, town)).messages] == [said.id]
        assert await facts(storage) == (False, 1, 1)


async def test_what_was_acknowledged_on_one_node_is_read_on_another(servers: Pair) -> None:
    """With a copy that is some milliseconds behind, sometimes more than others, as copies are."""
    with running_postgres() as primary, running_standby(primary, "recovery_min_apply_delay=8ms") as standby:
        primary.sql("CREATE DATABASE chat TEMPLATE template0")
        pair = Pair(primary, standby, "chat")
        await migrate(pair.url)
        await pair.caught_up()
        async with AsyncExitStack() as stack:
            here, there = [await stack.enter_async_context(pair.open()) for _ in range(2)]
            town = await found_town(here)
            for number in range(150):
                said = await town.say(town.people[number % 3], f"number {number}")
                await trio.sleep(0.001 * (number % 20))
                for node in (there, here):
                    assert (await page(node, town)).messages[0].id == said.id
            gone = await town.say(town.ann, "gone")

            async def forget(tx: Tx) -> None:
                """As the service does: what is changed is told in the log, which is what copies are compared by."""
                deletion = await tx.messages.delete(gone.id)
                event = MessageDeleted(
                    workspace_id=town.workspace.id,
                    channel_id=gone.channel_id,
                    message_id=gone.id,
                    message_seq=deletion.message_seq,
                    mentioned=deletion.mentioned,
                )
                await tx.events.append(event)

            await here.write(forget)
            assert (await page(there, town)).messages[0].id == said.id
            counts = [await facts(node) for node in (here, there)]
            assert all(not away for away, _, _ in counts)
            assert sum(answered for _, answered, _ in counts) > 20
            assert sum(late for _, _, late in counts) > 20


async def test_a_copy_that_is_away_is_left_alone_and_comes_back(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_storage_postgres.replica.AWAY_SECONDS", 0.3)
    async with pair.open() as storage:
        town = await found_town(storage)
        said = await town.say(town.ann, "here")
        await pair.caught_up()
        await page(storage, town)
        assert await facts(storage) == (False, 1, 0)
        await trio.to_thread.run_sync(pair.standby.stop, signal.SIGQUIT)
        try:
            began = trio.current_time()
            for _ in range(20):
                assert [each.id for each in (await page(storage, town)).messages] == [said.id]
            assert trio.current_time() - began < 2
            away, answered, _ = await facts(storage)
            assert (away, answered) == (True, 1)
            assert (await storage.health())["ok"] is True
        finally:
            await trio.to_thread.run_sync(pair.standby.start)
        await pair.caught_up()
        await trio.sleep(0.4)
        await page(storage, town)
        assert await facts(storage) == (False, 2, 0)


async def test_a_copy_that_does_not_answer_holds_nobody_up_for_long(pair: Pair) -> None:
    async with pair.open() as storage:
        town = await found_town(storage)
        await pair.caught_up()
        await page(storage, town)
        children = pair.standby.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'chatcore-replica'")
        pids = [int(each) for each in children.split()]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = trio.current_time()
            await page(storage, town)
            assert trio.current_time() - began < 2
            assert (await facts(storage))[0] is True
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


async def test_a_database_that_is_no_copy_is_not_asked(pair: Pair) -> None:
    other = pair.primary.new_database()
    await migrate(other)
    async with open_postgres(context(other)):
        pass
    async with pair.open(replica=other) as storage:
        town = await found_town(storage)
        said = await town.say(town.ann, "here")
        assert [each.id for each in (await page(storage, town)).messages] == [said.id]
        assert await facts(storage) == (True, 0, 0)


async def test_what_is_no_url_is_refused(pair: Pair) -> None:
    with pytest.raises(ConfigError, match="DATABASE_REPLICA_URL: is no PostgreSQL"):
        async with pair.open(replica="redis://somewhere"):
            pass


async def test_a_file_has_no_copies() -> None:
    given = context("memory:")
    config = attrs.evolve(given.config, database_replica_url="postgresql://somewhere/chat")
    with pytest.raises(ConfigError, match="DATABASE_REPLICA_URL: a SQLite file"):
        async with open_sqlite(attrs.evolve(given, config=config)):
            pass
