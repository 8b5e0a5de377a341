"""After every action: each client that follows its events has what it would read afresh, and each event went to those
who may read what it is about, and to nobody else.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import attrs
import pytest
import trio
import trio.testing
from tests.chatcore.service.audience import AUDIENCES, Rows, channel_of, expected_receivers, read_rows
from tests.chatcore.service.ears import Ear
from tests.chatcore.service.walk import Walk, open_walk

from chatcore import events, open_chat, wire
from chatcore.chat import Chat
from chatcore.events import EVENTS, Event
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Position, User
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatcore.state import State, apply
from chatcore.testing.clock import FakeClock
from chatcore.testing.oracle import Shared, differences, read_state

WALKS = 17
STEPS = 120
SEEDS = [pytest.param(seed, marks=pytest.mark.slow if seed > 1 else ()) for seed in range(WALKS)]
"""Two of them while working: all together they take ten seconds."""


class Crier:
    """Hears everything that the hub delivers."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        self.heard += [envelope.event for envelope in envelopes]


@attrs.define(eq=False)
class Oracle:
    """Ears for everybody, and what they should hear."""

    walk: Walk
    nursery: trio.Nursery
    crier: Crier
    rows: Rows
    ears: dict[UserId, Ear] = attrs.field(factory=dict)

    @property
    def chat(self) -> Chat:
        return self.walk.chat

    async def fresh(self, user_id: UserId, shared: Shared | None = None) -> State:
        return await read_state(self.chat, user_id, self.walk.workspace, shared=shared)

    async def begin(self, user: User) -> None:
        """Somebody reads everything, and listens from there on."""
        self.ears[user.id] = ear = Ear(self.chat, user.id, self.walk.workspace, await self.fresh(user.id))
        await self.nursery.start(ear.listen)

    async def step(self) -> None:
        await self._come_and_go()
        listening = {user_id for user_id, ear in self.ears.items() if ear.listening}
        self.crier.heard.clear()
        done = await self.walk.go()
        await trio.testing.wait_all_tasks_blocked()
        before, self.rows = self.rows, await read_rows(self.chat, self.walk.workspace.id)
        self._check_receivers(listening, before)
        if done:
            await self._check_states(set(self.ears))
        else:
            # A refusal does nothing and says nothing. One of them looks; the others do after the next step.
            assert not any(event.durable for event in self.crier.heard)
            await self._check_states({self.walk.random.choice(self.walk.people).id})

    async def _come_and_go(self) -> None:
        """Now and then somebody goes away, or comes back with their cursor; who becomes a member listens."""
        random = self.walk.random
        for user in self.walk.people:
            ear = self.ears.get(user.id)
            if ear is None:
                if user.id in self.rows.roles:
                    await self.begin(user)
            elif ear.listening:
                if random.random() < 0.02:
                    ear.stop()
            elif random.random() < 0.15:
                await self._come_back(ear)
        await trio.testing.wait_all_tasks_blocked()

    async def _come_back(self, ear: Ear) -> None:
        if ear.user_id not in self.rows.roles:
            del self.ears[ear.user_id]
            return
        await self.nursery.start(ear.listen)
        await trio.testing.wait_all_tasks_blocked()
        ear.follow()
        fresh = await self.fresh(ear.user_id)
        # What was said and forgotten meanwhile is not replayed: who comes back asks who is there.
        ear.state = attrs.evolve(ear.state, presence=fresh.presence)
        self._compare(ear, fresh)

    def _compare(self, ear: Ear, fresh: State) -> None:
        if ear.state.stale:
            ear.state = fresh
        assert differences(ear.state, fresh) == []

    def _check_receivers(self, listening: set[UserId], before: Rows) -> None:
        heard = self.crier.heard
        for event, expected in zip(heard, expected_receivers(heard, before, self.rows), strict=True):
            received = {user_id for user_id in listening if event in self.ears[user_id].fresh}
            assert received == expected & listening, event
        for user_id in listening:
            assert all(event in heard for event in self.ears[user_id].fresh)

    async def _check_states(self, user_ids: set[UserId]) -> None:
        shared = Shared()
        for ear in [ear for user_id, ear in self.ears.items() if user_id in user_ids]:
            ear.follow()
            if ear.ended:
                assert ear.user_id not in self.rows.roles
                ear.check_order()
                del self.ears[ear.user_id]
            elif ear.listening:
                assert ear.user_id in self.rows.roles
                self._compare(ear, await self.fresh(ear.user_id, shared))

    async def check(self) -> None:
        """Whatever has happened meanwhile: who listens has the truth, and so has the directory."""
        for ear in list(self.ears.values()):
            if ear.ended:
                ear.check_order()
                del self.ears[ear.user_id]
        await self._check_states(set(self.ears))
        await self._check_directory()

    # --- at the end ------------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Read everything once more, with nothing shared; and hear everything again, from several places."""
        for ear in self.ears.values():
            ear.check_order()
            if ear.listening:
                assert differences(ear.state, await self.fresh(ear.user_id)) == []
                ear.stop()
        newest = await self.chat.hub.position(self.walk.workspace.id)
        for user in self.walk.people:
            if user.id in self.rows.roles:
                await self._check_replay(user, newest)
        await self._check_log()
        await self._check_directory()

    async def _check_directory(self) -> None:
        """What is remembered by following the events is what one would remember by reading now."""
        access = await self.chat.storage.read(lambda tx: tx.workspaces.access(self.walk.workspace.id))
        followed = self.chat.directory.loaded(self.walk.workspace.id)
        assert access is not None
        assert followed is not None
        read = WorkspaceDirectory(access)
        assert followed.members == read.members
        assert followed.channels == read.channels

    async def _check_replay(self, user: User, newest: Position) -> None:
        replayed = await self._replay(user, 0, newest)
        for seq in self.walk.random.sample(range(newest.seq), 3):
            assert await self._replay(user, seq, newest) == [event for event in replayed if event.seq > seq]
        fresh = await self.fresh(user.id)
        state = State(user_id=user.id, workspace=self.walk.workspace, seq=0, keeps_messages=True)
        for event in replayed:
            state = apply(state, event)
        # The state before there was anything, brought forward by the whole log, lacks only who is there now.
        state = attrs.evolve(state, presence=fresh.presence)
        assert state.stale or differences(state, fresh) == []

    async def _replay(self, user: User, seq: int, newest: Position) -> list[Event]:
        state = State(user_id=user.id, workspace=self.walk.workspace, seq=seq)
        ear = Ear(self.chat, user.id, self.walk.workspace, state, Position(epoch=newest.epoch, seq=seq))
        await self.nursery.start(ear.listen)
        await trio.testing.wait_all_tasks_blocked()
        ear.stop()
        ear.check_order()
        found = ear.heard
        readable = self.rows.readable(user.id)
        for event in found:
            assert self._may_be_replayed(event, user, readable), event
            self._check_text(wire.encode_event(event))
        return found

    def _may_be_replayed(self, event: Event, user: User, readable: set[ChannelId]) -> bool:
        match event:
            case events.MemberLeft(user_id=user_id) if user_id == user.id:
                return True
            case events.ReadUpdated(user_id=user_id, channel_id=channel_id):
                return user_id == user.id and channel_id in readable
            case events.ChannelHidden(channel_id=channel_id):
                return channel_id not in readable
            case events.MemberJoined(channel=channel):
                return channel is None or channel.id in readable
            case events.MemberLeft(channel_id=channel_id):
                return channel_id is None or channel_id in readable
            case events.MemberUpdated() | events.WorkspaceUpdated():
                return True
        return channel_of(event) in readable

    async def _check_log(self) -> None:
        """Text of deleted messages is not even in the log."""
        log = await self.chat.storage.read(lambda tx: tx.events.since(self.walk.workspace.id, 0, limit=100_000))
        for envelope in log:
            self._check_text(envelope.data)

    def _check_text(self, data: bytes) -> None:
        text = data.decode()
        assert [token for token in self.walk.deleted if token in text] == [], text


def test_every_event_has_an_audience() -> None:
    assert set(AUDIENCES) == set(EVENTS.values())


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_client_follows_and_nobody_hears_too_much(seed: int) -> None:
    clock = FakeClock()
    async with open_chat("memory:", clock=clock) as chat, trio.open_nursery() as nursery:
        walk = await open_walk(chat, Random(seed), clock)
        crier = Crier()
        rows = await read_rows(chat, walk.workspace.id)
        oracle = Oracle(walk, nursery, crier, rows)
        with chat.hub.attach(crier):
            try:
                for _ in range(STEPS):
                    await oracle.step()
                await oracle.finish()
            except BaseException as error:
                error.add_note(f"seed {seed}, the last steps: " + " · ".join(walk.trace[-8:]))
                raise
        assert walk.done > STEPS / 4
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(3))
async def test_every_client_follows_when_all_happens_at_once(seed: int, tmp_path: Path) -> None:
    """Many people at once, on a database with threads and shared commits: when it is quiet, all have the truth."""
    clock = FakeClock()
    async with open_chat(f"sqlite:///{tmp_path}/chat.db", clock=clock) as chat, trio.open_nursery() as nursery:
        walk = await open_walk(chat, Random(seed), clock)
        oracle = Oracle(walk, nursery, Crier(), await read_rows(chat, walk.workspace.id))
        for round_ in range(4):
            for user in walk.people:
                if user.id in oracle.rows.roles and user.id not in oracle.ears:
                    await oracle.begin(user)

            async def stroll() -> None:
                for _ in range(20):
                    await walk.go()

            async with trio.open_nursery() as strollers:
                for _ in range(8):
                    strollers.start_soon(stroll)
            await quiet(chat, walk.workspace.id)
            oracle.rows = await read_rows(chat, walk.workspace.id)
            try:
                await oracle.check()
            except BaseException as error:
                error.add_note(f"seed {seed}, round {round_}")
                raise
        nursery.cancel_scope.cancel()


async def quiet(chat: Chat, workspace_id: WorkspaceId) -> None:
    """Wait until the hub has heard of every commit, and everybody of what the hub has heard."""
    newest = await chat.storage.read(lambda tx: tx.events.position(workspace_id))
    while await chat.hub.position(workspace_id) != newest:
        await trio.lowlevel.checkpoint()
    await trio.testing.wait_all_tasks_blocked()
