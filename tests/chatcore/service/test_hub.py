"""The hub: order, gaps, other processes, and listeners that break."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import Team, make_team

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.config import Config
from chatcore.errors import NotFound
from chatcore.events import Event, MessageReceived, Typing
from chatcore.hooks import hookimpl
from chatcore.ids import WorkspaceId, uuid7
from chatcore.model import Position, User, Workspace
from chatcore.ports import Bus, Envelope, Provider, ProviderContext
from chatcore.ports.bus import Deliver
from chatcore.service.hub import CHECK_SECONDS, REPLAY_PAGE
from chatcore.testing.clock import FakeClock

ABSENT = WorkspaceId(uuid7(1))


class Inbox:
    """A listener that remembers the durable events that it was given, and where the directory stood."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.events: list[Event] = []
        self.versions: list[int] = []

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        facts = self.chat.directory.loaded(workspace_id)
        assert facts is not None
        for envelope in envelopes:
            self.events.append(envelope.event)
            self.versions.append(facts.version)

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events if event.durable]

    @property
    def texts(self) -> list[str]:
        return [event.message.content for event in self.events if isinstance(event, MessageReceived)]


async def eventually(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until it has, at most until a little after the next look at the log."""
    with trio.fail_after(CHECK_SECONDS + 3):
        while True:
            answer = happened()
            if answer if isinstance(answer, bool) else await answer:
                return
            await trio.sleep(0.05)


# --- listening -----------------------------------------------------------------------------------------------------


async def test_listeners_hear_everything_in_order(team: Team) -> None:
    inbox = Inbox(team.chat)
    seq = await team.seq()
    with team.chat.hub.attach(inbox):
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(team.say, team.ann, f"Message {number}")
    await team.say(team.ann, "after")
    assert inbox.seqs == list(range(seq + 1, seq + 51))
    assert len(set(inbox.texts)) == 50


async def test_the_directory_stands_where_its_listener_stands(team: Team) -> None:
    """Several events of one commit: at each, the directory has followed up to it and no further."""
    inbox = Inbox(team.chat)
    facts = team.chat.directory.loaded(team.workspace.id)
    assert facts is not None
    with team.chat.hub.attach(inbox):
        begin = facts.version
        await team.chat.huddles.start(team.room, actor=team.ann)
        await team.chat.members.remove(team.workspace, team.ann, actor=team.owner)
        await team.chat.members.add(team.workspace, team.ann)
    assert [(event.type, version - begin) for event, version in zip(inbox.events, inbox.versions, strict=True)] == [
        ("huddle_started", 0),
        ("huddle_user_joined", 0),
        ("huddle_user_left", 0),
        ("member_left", 1),
        ("member_joined", 2),
        ("member_joined", 3),
    ]


async def test_a_listener_that_breaks_costs_the_others_nothing(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
            raise RuntimeError("a listener broke")

    before, after = Inbox(team.chat), Inbox(team.chat)
    hub = team.chat.hub
    with hub.attach(before), hub.attach(Broken()), hub.attach(after):
        sent = await team.say(team.ann)
    told = MessageReceived(workspace_id=team.workspace.id, seq=sent.seq, message=sent)
    assert before.events == after.events == [told]
    assert [record.levelno for record in caplog.records if "a listener failed" in record.message] == [logging.ERROR]


async def test_a_listener_may_leave_while_it_is_called(team: Team) -> None:
    inbox = Inbox(team.chat)
    with team.chat.hub.attach(inbox):

        class Leaver:
            def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
                leaving.__exit__(None, None, None)

        leaving = team.chat.hub.attach(Leaver())
        leaving.__enter__()
        await team.say(team.ann, "one")
        await team.say(team.ann, "two")
    assert inbox.texts == ["one", "two"]


async def test_what_a_listener_says_is_heard_after_what_it_was_told(team: Team) -> None:
    class Echo:
        def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
            if isinstance(envelopes[0].event, MessageReceived):
                message = envelopes[0].event.message
                team.chat.hub.announce(
                    Typing(
                        workspace_id=workspace_id,
                        channel_id=message.channel_id,
                        user_id=message.user_id,
                        user=message.user,
                        is_typing=False,
                    )
                )

    inbox = Inbox(team.chat)
    with team.chat.hub.attach(Echo()), team.chat.hub.attach(inbox):
        await team.say(team.ann)
    assert [event.type for event in inbox.events] == ["message_received", "typing"]


# --- opening -------------------------------------------------------------------------------------------------------


async def test_where_there_is_no_workspace(chat: Chat) -> None:
    assert await chat.directory.load(ABSENT) is None
    assert chat.directory.loaded(ABSENT) is None
    with pytest.raises(NotFound):
        await chat.hub.position(ABSENT)


async def test_who_opens_it_may_be_cancelled(tmp_path: Path) -> None:
    """Those who wait for it open it themselves."""
    url = f"sqlite:///{tmp_path}/chat.db"
    workspace_id = (await _populated(url))[0].id
    async with open_chat(url) as chat, trio.open_nursery() as nursery:
        found: list[Any] = []

        async def load(scope: trio.CancelScope) -> None:
            with scope:
                found.append(await chat.directory.load(workspace_id))

        scopes = [trio.CancelScope() for _ in range(3)]
        for scope in scopes:
            nursery.start_soon(load, scope)
        await trio.lowlevel.checkpoint()
        scopes[0].cancel()
        scopes[1].cancel()
        await eventually(lambda: bool(found))
        assert chat.directory.loaded(workspace_id) in found


# --- replaying -----------------------------------------------------------------------------------------------------


async def replayed(team: Team, user: User, since: Position) -> list[str] | None:
    """The texts that are replayed; None when it cannot be resumed."""
    pages = await team.chat.hub.replay(team.workspace.id, user.id, since, await team.seq())
    if pages is None:
        return None
    events = [envelope.event async for page in pages for envelope in page]
    return [event.message.content for event in events if isinstance(event, MessageReceived)]


async def test_a_replay_gives_what_its_reader_may_read_now(team: Team) -> None:
    since = await team.chat.hub.position(team.workspace.id)
    await team.say(team.ann, "open", team.general)
    await team.say(team.ann, "shut", team.vault)
    assert await replayed(team, team.ben, since) == ["open"]
    await team.chat.channels.add_member(team.vault, team.ben, actor=team.ann)
    assert await replayed(team, team.ben, since) == ["open", "shut"]
    await team.chat.members.remove(team.workspace, team.ben, actor=team.owner)
    assert await replayed(team, team.ben, since) == []


async def test_a_replay_ends_where_it_is_told_to(team: Team) -> None:
    since = await team.chat.hub.position(team.workspace.id)
    for number in range(REPLAY_PAGE + 10):
        await team.say(team.ann, str(number))
    for count in (0, 1, REPLAY_PAGE - 1, REPLAY_PAGE, REPLAY_PAGE + 1):
        pages = await team.chat.hub.replay(team.workspace.id, team.ann.id, since, since.seq + count)
        assert pages is not None
        seqs = [envelope.seq async for page in pages for envelope in page]
        assert seqs == list(range(since.seq + 1, since.seq + count + 1))


async def test_what_cannot_be_replayed_completely_is_not_replayed_at_all(team: Team) -> None:
    now = await team.chat.hub.position(team.workspace.id)
    await team.say(team.ann)
    assert await replayed(team, team.ann, now) == ["Hello"]
    assert await replayed(team, team.ann, Position(epoch="other", seq=now.seq)) is None
    assert await replayed(team, team.ann, Position(epoch=now.epoch, seq=now.seq + 2)) is None
    team.clock.jump(8 * 24 * 3600)
    moment = team.clock.now()
    await team.chat.storage.write(lambda tx: tx.events.trim(moment))
    assert await replayed(team, team.ann, now) is None
    assert await replayed(team, team.ann, Position(epoch=now.epoch, seq=now.seq + 1)) == []


# --- a bus that fails ----------------------------------------------------------------------------------------------


class FaultyBus:
    """Loses, doubles, delays and swaps what is published, as no bus between nodes is worse."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lost = 0
        self._deliver: list[Deliver] = []
        self._late: list[Envelope] = []

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        arriving: list[Envelope] = []
        for envelope in envelopes:
            match self.random.randrange(5):
                case 0:
                    self.lost += 1
                case 1:
                    arriving += [envelope, envelope]
                case 2:
                    self._late.append(envelope)
                case _:
                    arriving.append(envelope)
        if self._late and self.random.random() < 0.5:
            arriving.append(self._late.pop(self.random.randrange(len(self._late))))
        self.random.shuffle(arriving)
        for deliver in self._deliver:
            deliver(arriving)

    def subscribe(self, deliver: Deliver) -> AbstractContextManager[None]:
        self._deliver.append(deliver)
        return _Forever()

    async def health(self) -> dict[str, Any]:
        return {"ok": True}


class _Forever(AbstractContextManager[None]):
    def __exit__(self, *_: object) -> None:
        """It is subscribed for as long as the test lasts."""


class FaultyBusPlugin:
    """Gives the bus for `faulty:`."""

    name = "faulty_bus"

    def __init__(self, bus: FaultyBus) -> None:
        self._bus = bus

    @hookimpl
    def register_providers(self) -> list[Provider]:
        @asynccontextmanager
        async def factory(context: ProviderContext) -> AsyncIterator[Bus]:
            yield self._bus

        return [Provider(kind="bus", name="faulty", factory=factory, schemes=("faulty",))]


@pytest.mark.parametrize("seed", range(5))
async def test_what_the_bus_loses_the_log_has(seed: int, autojump_clock: trio.testing.MockClock) -> None:
    bus = FaultyBus(Random(seed))
    config = Config(database_url="memory:", redis_url="faulty:")
    clock = FakeClock()
    async with open_chat(config=config, clock=clock, plugins=[FaultyBusPlugin(bus)]) as chat:
        # Whoever was just made a member is one here as soon as the news arrives, at the latest when the log is read.
        owner = await chat.users.create(email="owner@example.org", display_name="Owner")
        workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
        inbox = Inbox(chat)
        (general,) = await chat.channels.list(workspace, actor=owner)
        begin = (await chat.hub.position(workspace.id)).seq
        with chat.hub.attach(inbox):
            async with chat.subscribe(owner, workspace) as events:
                for number in range(100):
                    await chat.messages.send(general.channel, author=owner, content=f"Message {number}")
                    if number % 10 == 0:
                        await chat.users.update(owner, actor=owner, display_name=f"Owner {number}")
                await trio.sleep(2 * CHECK_SECONDS)
                newest = (await chat.hub.position(workspace.id)).seq
                heard = []
                with trio.move_on_after(1):
                    async for event in events:
                        heard.append(event.seq)
        assert bus.lost > 10
        assert newest == begin + 110
        assert inbox.seqs == heard == list(range(begin + 1, newest + 1))
        assert inbox.texts == [f"Message {number}" for number in range(100)]


async def test_a_gap_is_filled_at_once_and_a_silence_at_the_next_look(autojump_clock: trio.testing.MockClock) -> None:
    bus = FaultyBus(Random(0))
    config = Config(database_url="memory:", redis_url="faulty:")
    async with open_chat(config=config, clock=FakeClock(), plugins=[FaultyBusPlugin(bus)]) as chat:
        owner = await chat.users.create(email="owner@example.org")
        workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
        (general,) = await chat.channels.list(workspace, actor=owner)
        inbox = Inbox(chat)
        with chat.hub.attach(inbox):
            bus.random = _Always(0)
            await chat.messages.send(general.channel, author=owner, content="lost")
            began = trio.current_time()
            bus.random = _Always(4)
            await chat.messages.send(general.channel, author=owner, content="arrived")
            await trio.testing.wait_all_tasks_blocked()
            assert inbox.texts == ["lost", "arrived"]
            assert trio.current_time() - began < 0.1
            bus.random = _Always(0)
            await chat.messages.send(general.channel, author=owner, content="lost, and nothing follows")
            await trio.testing.wait_all_tasks_blocked()
            assert len(inbox.texts) == 2
            await trio.sleep(CHECK_SECONDS + 0.1)
            assert inbox.texts[2:] == ["lost, and nothing follows"]


class _Always(Random):
    """Everything goes the same way."""

    def __init__(self, way: int) -> None:
        super().__init__(0)
        self.way = way

    def randrange(self, *_: Any) -> int:
        return self.way


# --- other processes -----------------------------------------------------------------------------------------------


async def _populated(url: str) -> tuple[Workspace, User]:
    async with open_chat(url) as chat:
        team = await make_team(chat, FakeClock())
        return team.workspace, team.ann


@asynccontextmanager
async def two_chats(tmp_path: Path) -> AsyncIterator[tuple[Team, Chat]]:
    """Two nodes on one database that know nothing of each other."""
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url) as here, open_chat(url) as there:
        team = await make_team(here, FakeClock())
        await there.hub.position(team.workspace.id)
        yield team, there


async def _message(events: AsyncIterator[Event]) -> str:
    async for event in events:
        if isinstance(event, MessageReceived):
            return event.message.content
    raise AssertionError("it ended")


async def test_what_another_process_does_is_heard(tmp_path: Path) -> None:
    async with two_chats(tmp_path) as (team, there), team.chat.subscribe(team.ben, team.workspace) as events:
        await there.messages.send(team.general, author=team.owner, content="from there")
        with trio.fail_after(CHECK_SECONDS + 3):
            assert await _message(events) == "from there"


async def test_what_another_process_did_before_comes_before(tmp_path: Path) -> None:
    """The gap shows as soon as something happens here."""
    async with two_chats(tmp_path) as (team, there), team.chat.subscribe(team.ben, team.workspace) as events:
        for number in range(10):
            await there.messages.send(team.general, author=team.owner, content=f"there {number}")
            await team.say(team.owner, f"here {number}", team.general)
        with trio.fail_after(CHECK_SECONDS + 3):
            heard = [await _message(events) for _ in range(20)]
        assert heard == [f"{where} {number}" for number in range(10) for where in ("there", "here")]


async def test_whom_another_process_removes_is_out(tmp_path: Path) -> None:
    async with two_chats(tmp_path) as (team, there), team.chat.subscribe(team.ann, team.workspace) as events:
        await there.members.remove(team.workspace, team.ann, actor=team.owner)
        with trio.fail_after(CHECK_SECONDS + 3):
            assert [event.type async for event in events] == ["member_left"]
        with pytest.raises(NotFound):
            await team.say(team.ann)


async def test_a_new_name_is_known_to_another_process(tmp_path: Path) -> None:
    async with two_chats(tmp_path) as (team, there):
        await there.messages.send(team.room, author=team.ann, content="remember my face")
        await team.chat.users.update(team.ann, actor=team.ann, display_name="Annie")

        async def is_known() -> bool:
            sent = await there.messages.send(team.room, author=team.ann, content="?")
            return sent.user.display_name == "Annie"

        await eventually(is_known)


async def test_a_channel_that_another_process_made_is_found(tmp_path: Path) -> None:
    async with two_chats(tmp_path) as (team, there):
        made = await there.channels.create(team.workspace, name="made-there", actor=team.ann)

        async def is_found() -> bool:
            try:
                await team.say(team.ann, where=made)
            except NotFound:
                return False
            return True

        await eventually(is_found)
