"""Who gets what: compared with the plain way, which asks for every event and every person."""

import random
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
import trio.testing

from chatcore.events import (
    ChannelHidden,
    ChannelUpdated,
    Event,
    MemberJoined,
    MemberLeft,
    MessageDeleted,
    PresenceUpdate,
    ReadUpdated,
    Typing,
    WorkspaceUpdated,
)
from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model import Channel, ChannelType, MemberCard, Position, PresenceStatus, Role, UserCard, Workspace
from chatcore.ports import ChannelAccess, Envelope, WorkspaceAccess, seal
from chatcore.service.directory import ACCESS_EVENTS, WorkspaceDirectory
from chatserver.gateway.room import Room
from chatserver.gateway.rooms import PRESENCE_SECONDS, SHORT_SECONDS, Rooms
from chatserver.net.batch import Batch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def an_id(kind: int, number: int) -> str:
    return f"00000000-0000-7000-{kind:04d}-{number:012d}"


SPACE = WorkspaceId(an_id(8000, 0))
USERS = [UserId(an_id(8001, number)) for number in range(8)]
PUBLIC, PRIVATE, DIRECT = (ChannelId(an_id(8002, number)) for number in range(3))
ROLES = [Role.OWNER, Role.ADMIN, Role.MEMBER, Role.MEMBER, Role.MEMBER, Role.GUEST, Role.GUEST]
"""The last user is no member."""


class Ear:
    """A sink that remembers what it was written, and in how many writes."""

    def __init__(self, user_id: UserId) -> None:
        self.user_id = user_id
        self.heard: list[bytes] = []
        self.writes = 0

    def write(self, batch: Batch) -> None:
        self.writes += 1
        self.heard += [text.payload for text in batch.texts]


def a_directory() -> WorkspaceDirectory:
    channels = (
        ChannelAccess(id=PUBLIC, type=ChannelType.PUBLIC, archived=False, is_general=True, members=tuple(USERS[:6])),
        ChannelAccess(
            id=PRIVATE, type=ChannelType.PRIVATE, archived=False, is_general=False, members=(USERS[0], USERS[3])
        ),
        ChannelAccess(
            id=DIRECT, type=ChannelType.DIRECT, archived=False, is_general=False, members=(USERS[1], USERS[2])
        ),
    )
    access = WorkspaceAccess(
        workspace_id=SPACE,
        position=Position(epoch="e", seq=0),
        roles=tuple(zip(USERS, ROLES, strict=False)),
        channels=channels,
    )
    return WorkspaceDirectory(access)


def a_channel(channel_id: ChannelId, type_: ChannelType) -> Channel:
    return Channel(
        id=channel_id, workspace_id=SPACE, name="x", type=type_, created_by=USERS[0], created_at=NOW, updated_at=NOW
    )


def deleted(channel_id: ChannelId) -> MessageDeleted:
    return MessageDeleted(
        workspace_id=SPACE, channel_id=channel_id, message_id=MessageId(an_id(8003, 0)), message_seq=1
    )


def card(user_id: UserId, role: Role = Role.MEMBER) -> MemberCard:
    return MemberCard(user_id=user_id, display_name="N", role=role)


def some_event(chance: random.Random) -> Event:
    user, channel = chance.choice(USERS), chance.choice([PUBLIC, PRIVATE, DIRECT])
    makers: list[Any] = [
        lambda: deleted(channel),
        lambda: deleted(channel),
        lambda: deleted(PUBLIC),
        lambda: Typing(
            workspace_id=SPACE, channel_id=channel, user_id=user, user=UserCard(display_name="N"), is_typing=True
        ),
        lambda: ReadUpdated(
            workspace_id=SPACE, user_id=user, channel_id=channel, read_seq=1, unread_count=0, mention_count=0
        ),
        lambda: WorkspaceUpdated(
            workspace_id=SPACE,
            workspace=Workspace(id=SPACE, name="T", slug="t", created_by=user, created_at=NOW, updated_at=NOW),
        ),
        lambda: MemberLeft(workspace_id=SPACE, user_id=user),
        lambda: MemberLeft(workspace_id=SPACE, user_id=user, channel_id=channel),
        lambda: MemberJoined(workspace_id=SPACE, member=card(user, chance.choice(list(Role)))),
        lambda: MemberJoined(workspace_id=SPACE, member=card(user), channel=a_channel(PRIVATE, ChannelType.PRIVATE)),
        lambda: ChannelUpdated(workspace_id=SPACE, channel=a_channel(PUBLIC, ChannelType.PRIVATE)),
        lambda: ChannelUpdated(workspace_id=SPACE, channel=a_channel(PUBLIC, ChannelType.PUBLIC)),
        lambda: ChannelHidden(workspace_id=SPACE, channel_id=PUBLIC),
    ]
    event: Event = chance.choice(makers)()
    return event


class World:
    """A room, and beside it what the plain way would have delivered."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.directory = a_directory()
        self.room = Room(self.directory)
        self.present: list[Ear] = []
        self.everyone: list[Ear] = []
        self.expected: dict[Ear, list[int]] = {}
        self.seq = 0

    def step(self) -> None:
        what = self.chance.random()
        if what < 0.15:
            ear = Ear(self.chance.choice(USERS))
            self.room.add(ear.user_id, ear)
            self.present.append(ear)
            self.everyone.append(ear)
            self.expected[ear] = []
        elif what < 0.2 and self.present:
            ear = self.present.pop(self.chance.randrange(len(self.present)))
            self.room.remove(ear.user_id, ear)
        elif what < 0.3:
            self.room.flush()
        else:
            self.deliver([some_event(self.chance) for _ in range(self.chance.randint(1, 4))])

    def deliver(self, events: list[Event]) -> None:
        # As the hub does: the directory stands exactly at the event that is delivered.
        for event in events:
            self.seq += 1
            envelope = seal(event, "e", self.seq)
            if envelope.type in ACCESS_EVENTS:
                self.directory.apply(envelope.event)
            for ear in self.present:
                if self.directory.may_receive(ear.user_id, envelope.audience):
                    self.expected[ear].append(self.seq)
            if isinstance(event, MemberLeft) and event.channel_id is None:
                self.present = [ear for ear in self.present if ear.user_id != event.user_id]
            self.room.deliver([envelope])


def seqs(heard: list[bytes]) -> list[int]:
    return [int(payload.partition(b'"seq":')[2].partition(b",")[0]) for payload in heard]


@pytest.mark.parametrize("seed", range(60))
def test_everyone_gets_exactly_what_they_may_in_order(seed: int) -> None:
    world = World(seed)
    for _ in range(120):
        world.step()
    world.room.flush()
    assert any(world.expected.values())
    for ear in world.everyone:
        assert seqs(ear.heard) == world.expected[ear]


def test_a_round_costs_each_member_one_write() -> None:
    room = Room(a_directory())
    ears = [Ear(USERS[number]) for number in (0, 1, 3, 3)]
    for ear in ears:
        room.add(ear.user_id, ear)
    for seq, channel in enumerate([PUBLIC, PRIVATE, PUBLIC, DIRECT, PRIVATE], 1):
        room.deliver([seal(deleted(channel), "e", seq)])
    texts, size = room.flush()
    assert texts == 4 + 3 + 4 + 4
    assert size > texts * 50
    assert [ear.writes for ear in ears] == [1, 1, 1, 1]
    assert [seqs(ear.heard) for ear in ears] == [[1, 2, 3, 5], [1, 3, 4], [1, 2, 3, 5], [1, 2, 3, 5]]


def test_those_who_get_the_same_share_one_buffer() -> None:
    room = Room(a_directory())
    buffers: list[bytes] = []

    class Keeper(Ear):
        def write(self, batch: Batch) -> None:
            buffers.append(batch.framed)

    for number in range(5):
        room.add(USERS[number], Keeper(USERS[number]))
    for seq, channel in enumerate([PUBLIC, PRIVATE], 1):
        room.deliver([seal(deleted(channel), "e", seq)])
    room.flush()
    assert len(buffers) == 5
    assert len({id(buffer) for buffer in buffers}) == 2


def test_who_leaves_gets_what_was_decided_before_and_nothing_after() -> None:
    room = Room(a_directory())
    ear, other = Ear(USERS[0]), Ear(USERS[1])
    for each in (ear, other):
        room.add(each.user_id, each)
    room.deliver([seal(deleted(PUBLIC), "e", 1)])
    room.remove(ear.user_id, ear)
    room.remove(ear.user_id, ear)
    room.deliver([seal(deleted(PUBLIC), "e", 2)])
    room.flush()
    assert (seqs(ear.heard), seqs(other.heard)) == ([1], [1, 2])


@pytest.mark.parametrize("seed", range(20))
def test_one_that_is_replaced_hears_the_end_of_its_part_before_the_other_begins(seed: int) -> None:
    chance, room, order = random.Random(seed), Room(a_directory()), list[int]()

    class Scribe(Ear):
        def write(self, batch: Batch) -> None:
            order.extend(text.seq for text in batch.texts)

    old, new = Scribe(USERS[0]), Scribe(USERS[0])
    for number in (3, 1, 5):
        room.add(USERS[number], Ear(USERS[number]))
    room.add(USERS[0], old)
    for seq in range(1, 21):
        if seq == 11:
            room.replace(USERS[0], old, new)
        room.deliver([seal(deleted(chance.choice([PUBLIC, PRIVATE])), "e", seq)])
    room.flush()
    assert order == list(range(1, 21))


def test_many_busy_channels_do_not_make_it_remember_without_end() -> None:
    directory = a_directory()
    room, ear = Room(directory), Ear(USERS[0])
    room.add(ear.user_id, ear)
    for number in range(2000):
        channel_id = ChannelId(an_id(8004, number))
        directory._put(a_channel(channel_id, ChannelType.PUBLIC))
        room.deliver([seal(deleted(channel_id), "e", number + 1)])
    room.flush()
    assert len(ear.heard) == 2000
    assert len(room._lists) <= 512


async def test_rooms_gather_a_round_and_go_when_nobody_is_left(nursery: trio.Nursery) -> None:
    rooms = Rooms()
    await nursery.start(rooms.run)
    directory, ear = a_directory(), Ear(USERS[0])
    room = rooms.open(directory)
    assert rooms.open(directory) is room
    room.add(ear.user_id, ear)
    envelopes: list[Envelope] = [seal(deleted(PUBLIC), "e", seq) for seq in range(1, 6)]
    for envelope in envelopes:
        rooms.deliver(SPACE, [envelope])
    assert ear.writes == 0
    await trio.testing.wait_all_tasks_blocked()
    assert (ear.writes, seqs(ear.heard)) == (1, [1, 2, 3, 4, 5])
    rooms.tidy(room)
    assert rooms.find(SPACE) is room
    room.remove(ear.user_id, ear)
    rooms.tidy(room)
    assert rooms.find(SPACE) is None
    rooms.deliver(SPACE, envelopes)


async def test_writing_leaves_time_for_everything_else(nursery: trio.Nursery) -> None:
    class Slow(Ear):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            time.sleep(0.01)  # a thousand system calls

    rooms, slow = Rooms(), Slow(USERS[0])
    await nursery.start(rooms.run)
    rooms.open(a_directory()).add(slow.user_id, slow)
    began = trio.current_time()
    for seq in range(1, 200, 2):
        rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", seq), seal(deleted(PUBLIC), "e", seq + 1)])
        await trio.sleep(0.001)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert seqs(slow.heard) == list(range(1, 201))
    assert slow.writes * 0.01 < (trio.current_time() - began) * 0.75


async def test_one_event_at_a_time_never_waits(nursery: trio.Nursery, mock_clock: trio.testing.MockClock) -> None:
    class Slow(Ear):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            mock_clock.jump(SHORT_SECONDS / 2)

    rooms, slow = Rooms(), Slow(USERS[0])
    await nursery.start(rooms.run)
    rooms.open(a_directory()).add(slow.user_id, slow)
    for seq in range(1, 5):
        rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", seq)])
        await trio.testing.wait_all_tasks_blocked()
        assert slow.writes == seq, "the write before it is no reason to wait"


async def test_a_lone_event_can_be_hurried_but_not_out_of_a_rest(
    nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    class Slow(Ear):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            mock_clock.jump(SHORT_SECONDS * 2)

    rooms, slow = Rooms(), Slow(USERS[0])
    await nursery.start(rooms.run)
    rooms.open(a_directory()).add(slow.user_id, slow)
    rooms.hurry()
    assert slow.writes == 0, "nothing is there to be written"
    rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", 1)])
    rooms.hurry()
    assert slow.writes == 1
    rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", 2)])
    rooms.hurry()
    await trio.testing.wait_all_tasks_blocked()
    assert slow.writes == 1, "a long write is followed by a rest"
    mock_clock.jump(SHORT_SECONDS)
    await trio.testing.wait_all_tasks_blocked()
    assert (slow.writes, seqs(slow.heard)) == (2, [1, 2])


async def test_presence_waits_for_company_but_not_for_long(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    rooms, ear = Rooms(), Ear(USERS[0])
    await nursery.start(rooms.run)
    rooms.open(a_directory()).add(ear.user_id, ear)
    came = [seal(PresenceUpdate(workspace_id=SPACE, user_id=user, status=PresenceStatus.ONLINE)) for user in USERS[:5]]
    for envelope in came:
        rooms.deliver(SPACE, [envelope])
        await trio.testing.wait_all_tasks_blocked()
    assert ear.writes == 0
    await trio.sleep(PRESENCE_SECONDS * 2)
    assert (ear.writes, len(ear.heard)) == (1, 5)
    rooms.deliver(SPACE, came[:1])
    rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", 1)])
    await trio.testing.wait_all_tasks_blocked()
    assert (ear.writes, len(ear.heard)) == (2, 7), "what does not wait takes along what would"


async def test_a_sink_that_fails_does_not_stop_the_others(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Ear):
        def write(self, batch: Batch) -> None:
            raise RuntimeError("broken on purpose")

    rooms = Rooms()
    await nursery.start(rooms.run)
    room, ear = rooms.open(a_directory()), Ear(USERS[1])
    room.add(USERS[0], Broken(USERS[0]))
    room.add(USERS[1], ear)
    for seq in (1, 2):
        rooms.deliver(SPACE, [seal(deleted(PUBLIC), "e", seq)])
        await trio.testing.wait_all_tasks_blocked()
    assert "could not be written to" in caplog.text
