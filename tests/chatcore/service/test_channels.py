"""Channels and direct messages."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.chatcore.service.conftest import Team, make_team, stored

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed
from chatcore.events import (
    ChannelArchived,
    ChannelCreated,
    ChannelHidden,
    ChannelUpdated,
    HuddleEnded,
    HuddleUserLeft,
    MemberJoined,
    MemberLeft,
)
from chatcore.hooks import hookimpl
from chatcore.ids import ChannelId
from chatcore.model import Channel, ChannelType, Role
from chatcore.service.channels import direct_name
from chatcore.testing.clock import FakeClock

PRIVATE, PUBLIC = ChannelType.PRIVATE, ChannelType.PUBLIC


async def kinds(team: Team, since: int) -> list[type]:
    return [type(event) for event in await team.events(since)]


# --- making --------------------------------------------------------------------------------------------------------


async def test_its_maker_and_those_named_are_in_it(team: Team) -> None:
    seq = await team.seq()
    made = await team.chat.channels.create(
        team.workspace,
        name="plans_2-b",
        actor=team.ann,
        type=PRIVATE,
        description="Secret",
        members=[team.ben, team.ann],
    )
    assert (made.name, made.type, made.description, made.created_by) == ("plans_2-b", PRIVATE, "Secret", team.ann.id)
    (event,) = await team.events(seq)
    assert isinstance(event, ChannelCreated)
    assert event.channel == made
    assert set(event.member_ids) == {team.ann.id, team.ben.id}
    view = await team.chat.channels.get(made, actor=team.ben)
    assert view.channel == made
    assert {card.user_id for card in view.members} == {team.ann.id, team.ben.id}


async def test_a_name_is_taken_once(team: Team) -> None:
    before = await stored(team.chat)
    for name, type_ in (("room", PRIVATE), ("vault", PUBLIC), ("general", PUBLIC)):
        with pytest.raises(Duplicate, match="choose another"):
            await team.chat.channels.create(team.workspace, name=name, actor=team.ben, type=type_)
    assert await stored(team.chat) == before


@pytest.mark.parametrize("name", ["", "Room", "with space", "ünï", "a/b", "x" * 101, "line\n", "\ud800", "a\x00"])
async def test_a_name_has_its_form(team: Team, name: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed):
        await team.chat.channels.create(team.workspace, name=name, actor=team.owner)
    with pytest.raises(ValidationFailed):
        await team.chat.channels.update(team.room, actor=team.owner, name=name)
    assert await stored(team.chat) == before


async def test_who_makes_none(team: Team) -> None:
    before = await stored(team.chat)
    for actor, error in ((team.guest, Forbidden), (team.stranger, NotFound)):
        with pytest.raises(error):
            await team.chat.channels.create(team.workspace, name="mine", actor=actor)
    with pytest.raises(ValidationFailed, match="must be members of the workspace"):
        await team.chat.channels.create(team.workspace, name="mine", actor=team.ann, members=[team.stranger])
    with pytest.raises(ValidationFailed, match="direct"):
        await team.chat.channels.create(team.workspace, name="mine", actor=team.ann, type=ChannelType.DIRECT)
    assert await stored(team.chat) == before


class Meanwhile:
    """Does something while a channel is being made."""

    name = "meanwhile"

    def __init__(self) -> None:
        self.do: Callable[[], Awaitable[None]] | None = None

    @hookimpl
    async def channel_will_create(self) -> None:
        if self.do is not None:
            await self.do()


async def test_who_is_removed_meanwhile_is_not_in_it(clock: FakeClock) -> None:
    plugin = Meanwhile()
    async with open_chat("memory:", clock=clock, plugins=[plugin]) as chat:
        team = await make_team(chat, clock)
        plugin.do = lambda: chat.members.remove(team.workspace, team.ben, actor=team.owner)
        with pytest.raises(NotFound):
            await chat.channels.create(team.workspace, name="plans", actor=team.ann, members=[team.ben])
        plugin.do = None
        await chat.channels.create(team.workspace, name="plans", actor=team.ann)


async def test_whoever_makes_general_it_has_everybody(chat: Chat) -> None:
    owner = await chat.users.create(email="owner@example.org")
    members = [await chat.users.create(email=f"{name}@example.org") for name in ("a", "b")]
    workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner)
    for user in members:
        await chat.members.add(workspace, user)
    await chat.users.deactivate(members[1])
    with pytest.raises(ValidationFailed, match="must be public"):
        await chat.channels.create(workspace, name="general", actor=members[0], type=PRIVATE)
    general = await chat.channels.create(workspace, name="general", actor=members[0])
    await chat.users.reactivate(members[1])
    for user in (owner, *members):
        await chat.messages.send(general, author=user, content="Hello")


# --- changing ------------------------------------------------------------------------------------------------------


async def test_staff_and_its_maker_change_it(team: Team) -> None:
    seq = await team.seq()
    mine = await team.chat.channels.create(team.workspace, name="mine", actor=team.ann)
    changed = await team.chat.channels.update(mine, actor=team.ann, name="ours", settings={"topic": "tea"})
    assert (changed.name, changed.settings) == ("ours", {"topic": "tea"})
    again = await team.chat.channels.update(mine, actor=team.admin, description="Tea")
    assert again.name == "ours"
    assert await kinds(team, seq) == [ChannelCreated, ChannelUpdated, ChannelUpdated]
    assert (await team.events(seq))[-1] == ChannelUpdated(
        workspace_id=team.workspace.id, seq=await team.seq(), channel=again
    )


async def test_everybody_in_it_describes_it(team: Team) -> None:
    assert (await team.chat.channels.update(team.vault, actor=team.ann, description="Ours")).description == "Ours"
    assert (await team.chat.channels.update(team.vault, actor=team.ann, description=None)).description is None
    for actor in (team.guest, team.ben):
        with pytest.raises(Forbidden):
            await team.chat.channels.update(team.room, actor=actor, description="Mine")
    with pytest.raises(Forbidden):
        await team.chat.channels.update(team.room, actor=team.ann, description="Mine", name="mine")


async def test_who_manages_it_from_outside_describes_it_too_and_makes_it_private_from_inside_only(team: Team) -> None:
    assert (await team.chat.channels.update(team.room, actor=team.admin, description="Theirs")).description == "Theirs"
    with pytest.raises(Forbidden, match="Join the channel first"):
        await team.chat.channels.update(team.room, actor=team.admin, type=PRIVATE)
    await team.chat.channels.join(team.room, actor=team.admin)
    assert (await team.chat.channels.update(team.room, actor=team.admin, type=PRIVATE)).type is PRIVATE


async def test_saying_what_is_so_is_no_news(team: Team) -> None:
    before = await stored(team.chat)
    room = team.room
    same = await team.chat.channels.update(
        room, actor=team.owner, name=room.name, description=room.description, type=room.type, archived=False
    )
    assert same == room
    assert await stored(team.chat) == before


async def test_a_taken_name_leaves_it_as_it_was(team: Team) -> None:
    before = await stored(team.chat)
    for name in ("vault", "general"):
        with pytest.raises(Duplicate):
            await team.chat.channels.update(team.room, actor=team.owner, name=name, description="New")
    assert await stored(team.chat) == before


async def test_general_belongs_to_everyone(team: Team) -> None:
    before = await stored(team.chat)
    for call in (
        team.chat.channels.update(team.general, actor=team.owner, name="mine"),
        team.chat.channels.update(team.general, actor=team.owner, type=PRIVATE),
        team.chat.channels.archive(team.general, actor=team.owner),
        team.chat.channels.leave(team.general, actor=team.ann),
        team.chat.channels.remove_member(team.general, team.ann, actor=team.owner),
    ):
        with pytest.raises(Forbidden, match="belongs to everyone"):
            await call
    assert await stored(team.chat) == before
    assert (await team.chat.channels.update(team.general, actor=team.ann, description="Hi")).description == "Hi"


async def test_two_changes_at_once_both_hold(team: Team) -> None:
    """Who changes one field does not put back what somebody else changes meanwhile."""

    async def change(**fields: Any) -> None:
        await team.chat.channels.update(team.room, actor=team.owner, **fields)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(change, name="renamed"))
        nursery.start_soon(partial(change, description="New"))
        nursery.start_soon(partial(change, settings={"topic": "tea"}))
    room = (await team.chat.channels.get(team.room, actor=team.owner)).channel
    assert (room.name, room.description, room.settings) == ("renamed", "New", {"topic": "tea"})


class Rude:
    """A plugin that gives channels names that nobody may give."""

    name = "rude"

    @hookimpl
    async def channel_will_update(self, channel: Channel) -> Channel:
        return attrs.evolve(channel, name="NOT A NAME")


async def test_a_plugin_cannot_give_it_a_bad_name(clock: FakeClock) -> None:
    async with open_chat("memory:", clock=clock, plugins=[Rude()]) as chat:
        team = await make_team(chat, clock)
        before = await stored(chat)
        with pytest.raises(ValidationFailed):
            await chat.channels.update(team.room, actor=team.owner, description="New")
        assert await stored(chat) == before


# --- hiding --------------------------------------------------------------------------------------------------------


async def test_made_private_it_is_gone_for_the_others(team: Team) -> None:
    seq = await team.seq()
    await team.chat.channels.update(team.room, actor=team.owner, type=PRIVATE)
    assert await kinds(team, seq) == [ChannelUpdated, ChannelHidden]
    with pytest.raises(NotFound):
        await team.chat.channels.get(team.room, actor=team.ben)
    assert await team.chat.channels.get(team.room, actor=team.ann)
    with pytest.raises(NotFound):
        await team.chat.channels.update(team.room, actor=team.admin, type=PUBLIC)
    await team.chat.channels.update(team.room, actor=team.owner, type=PUBLIC)
    assert await team.chat.channels.get(team.room, actor=team.ben)


async def test_what_is_private_is_no_elses(team: Team) -> None:
    assert "vault" not in {
        summary.channel.name for summary in await team.chat.channels.list(team.workspace, actor=team.admin)
    }
    for call in (
        team.chat.channels.get(team.vault, actor=team.admin),
        team.chat.channels.join(team.vault, actor=team.admin),
        team.chat.channels.update(team.vault, actor=team.admin, name="mine"),
        team.chat.channels.archive(team.vault, actor=team.admin),
        team.chat.channels.add_member(team.vault, team.admin, actor=team.admin),
        team.chat.channels.remove_member(team.vault, team.ann, actor=team.admin),
        team.chat.channels.leave(team.vault, actor=team.admin),
    ):
        with pytest.raises(NotFound) as told:
            await call
        assert told.value.message == NotFound.of("channel").message


# --- archive -------------------------------------------------------------------------------------------------------


async def test_an_archived_channel_is_read_only(team: Team) -> None:
    sent = await team.say(team.ann)
    await team.chat.huddles.start(team.room, actor=team.ann)
    seq = await team.seq()
    archived = await team.chat.channels.archive(team.room, actor=team.owner)
    assert archived.archived_at is not None
    assert await kinds(team, seq) == [HuddleEnded, ChannelArchived]
    assert await team.chat.huddles.active(team.room, actor=team.ann) is None
    before = await stored(team.chat)
    for call in (
        team.say(team.ann),
        team.chat.messages.edit(sent, actor=team.ann, content="New"),
        team.chat.messages.delete(sent, actor=team.ann),
        team.chat.reactions.add(sent, "👍", actor=team.ann),
        team.chat.huddles.start(team.room, actor=team.ann),
        team.chat.typing.set(team.room, True, actor=team.ann),
        team.chat.channels.join(team.room, actor=team.ben),
        team.chat.channels.add_member(team.room, team.ben, actor=team.ann),
        team.chat.channels.update(team.room, actor=team.owner, name="new"),
    ):
        with pytest.raises(Forbidden, match="archive"):
            await call
    assert await stored(team.chat) == before
    assert (await team.chat.messages.history(team.room, actor=team.ben)).messages == (sent,)


async def test_archiving_again_is_no_news(team: Team) -> None:
    archived = await team.chat.channels.archive(team.room, actor=team.owner)
    seq = await team.seq()
    team.clock.jump(60)
    assert await team.chat.channels.archive(team.room, actor=team.owner) == archived
    assert await team.chat.channels.update(team.room, actor=team.owner, archived=True) == archived
    assert await team.seq() == seq


async def test_out_of_the_archive_it_is_as_before(team: Team) -> None:
    await team.chat.channels.update(team.room, actor=team.owner, archived=True)
    with pytest.raises(Forbidden):
        await team.chat.channels.update(team.room, actor=team.ann, archived=False)
    opened = await team.chat.channels.update(team.room, actor=team.owner, archived=False)
    assert opened.archived_at is None
    await team.say(team.ann)


async def test_archiving_comes_alone(team: Team) -> None:
    """Were it done together with another change, one of both could be refused and the other done."""
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed, match="only change"):
        await team.chat.channels.update(team.room, actor=team.owner, archived=True, name="new")
    with pytest.raises(ValidationFailed):
        await team.chat.channels.update(team.room, actor=team.owner, archived=True, name="BAD NAME")
    assert await stored(team.chat) == before


# --- coming and going ----------------------------------------------------------------------------------------------


async def test_a_public_channel_is_joined(team: Team) -> None:
    await team.say(team.ann)
    seq = await team.seq()
    assert (await team.chat.channels.join(team.room, actor=team.ben)).id == team.room.id
    (event,) = await team.events(seq)
    assert isinstance(event, MemberJoined)
    assert (event.member.user_id, event.channel) == (team.ben.id, team.room)
    (summary,) = [
        one for one in await team.chat.channels.list(team.workspace, actor=team.ben) if one.channel.id == team.room.id
    ]
    assert (summary.joined, summary.read.read_seq, summary.read.unread_count) == (True, event.seq, 0)
    await team.chat.channels.join(team.room, actor=team.ben)
    assert await team.seq() == event.seq


async def test_what_cannot_be_joined(team: Team) -> None:
    open_ = await team.chat.channels.create(team.workspace, name="open", actor=team.owner)
    before = await stored(team.chat)
    for channel, actor, error in (
        (open_, team.guest, NotFound),
        (open_, team.stranger, NotFound),
        (team.vault, team.ben, NotFound),
        (team.vault, team.ann, Forbidden),
        (team.direct, team.ann, Forbidden),
        (team.direct, team.owner, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.channels.join(channel, actor=actor)
    assert await stored(team.chat) == before


async def test_who_is_in_it_brings_others(team: Team) -> None:
    await team.chat.channels.add_member(team.vault, team.ben, actor=team.ann)
    await team.say(team.ben, where=team.vault)
    before = await stored(team.chat)
    for user, actor, error in (
        (team.admin, team.admin, NotFound),
        (team.stranger, team.ann, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.channels.add_member(team.vault, user, actor=actor)
    for actor in (team.ben, team.guest):
        with pytest.raises(Forbidden):
            await team.chat.channels.add_member(team.room, team.admin, actor=actor)
    with pytest.raises(Forbidden):
        await team.chat.channels.add_member(team.direct, team.owner, actor=team.ann)
    assert await stored(team.chat) == before


async def test_who_leaves_is_out_of_its_huddle(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner)
    await team.chat.huddles.join(view.huddle, actor=team.ann)
    seq = await team.seq()
    await team.chat.channels.leave(team.room, actor=team.ann)
    assert await kinds(team, seq) == [HuddleUserLeft, MemberLeft]
    with pytest.raises(Forbidden, match="Join the channel first"):
        await team.say(team.ann)
    with pytest.raises(Forbidden):
        await team.chat.channels.leave(team.room, actor=team.ann)


async def test_staff_and_its_maker_take_others_out(team: Team) -> None:
    await team.chat.channels.remove_member(team.room, team.ann, actor=team.admin)
    await team.chat.channels.remove_member(team.vault, team.ann, actor=team.owner)
    with pytest.raises(NotFound):
        await team.chat.channels.get(team.vault, actor=team.ann)
    for user, actor, error in (
        (team.owner, team.ann, Forbidden),
        (team.ann, team.owner, NotFound),
        (team.stranger, team.owner, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.channels.remove_member(team.room, user, actor=actor)
    await team.chat.channels.remove_member(team.room, team.guest, actor=team.guest)
    with pytest.raises(NotFound):
        await team.chat.channels.get(team.room, actor=team.guest)


# --- direct messages -----------------------------------------------------------------------------------------------


async def test_the_same_people_have_the_same_one(team: Team) -> None:
    direct, created = await team.chat.channels.direct(team.workspace, [team.ann, team.ben, team.ben], actor=team.ben)
    assert (direct, created) == (team.direct, False)
    larger, created = await team.chat.channels.direct(team.workspace, [team.ben, team.owner], actor=team.ann)
    assert created
    assert larger.id != direct.id
    (summary,) = [
        one for one in await team.chat.channels.list(team.workspace, actor=team.owner) if one.channel.id == larger.id
    ]
    assert set(summary.members) == {team.ann.id, team.ben.id, team.owner.id}


def test_a_direct_message_is_named_by_its_people() -> None:
    assert direct_name(["a", "b"]) == direct_name(["b", "a"])  # type: ignore[list-item]
    assert direct_name(["a", "b"]) != direct_name(["a", "c"])  # type: ignore[list-item]


async def test_nobody_takes_the_name_of_a_direct_message(team: Team) -> None:
    name = direct_name([team.ann.id, team.admin.id])
    for type_ in (PUBLIC, PRIVATE):
        with pytest.raises(ValidationFailed, match="reserved"):
            await team.chat.channels.create(team.workspace, name=name, type=type_, actor=team.ben)
    with pytest.raises(ValidationFailed, match="reserved"):
        await team.chat.channels.update(team.room, actor=team.owner, name=name)


async def test_a_channel_that_has_the_name_of_a_direct_message_is_not_taken_for_it(team: Team) -> None:
    trap = attrs.evolve(team.room, name=direct_name([team.ann.id, team.admin.id]))
    await team.chat.storage.write(lambda tx: tx.channels.update(trap))
    with pytest.raises(Duplicate, match="renamed"):
        await team.chat.channels.direct(team.workspace, [team.admin], actor=team.ann)
    await team.chat.channels.update(team.room, actor=team.owner, name="room")
    assert (await team.chat.channels.direct(team.workspace, [team.admin], actor=team.ann))[1]


async def test_a_direct_message_has_two_to_nine_people(team: Team) -> None:
    many = [await team.user(f"user{number}") for number in range(9)]
    for others in ([], [team.ann], many, [*many, *many, team.ben]):
        with pytest.raises(ValidationFailed):
            await team.chat.channels.direct(team.workspace, others, actor=team.ann)
    _, created = await team.chat.channels.direct(team.workspace, many[:8], actor=team.ann)
    assert created


async def test_who_has_no_direct_message(team: Team) -> None:
    with pytest.raises(ValidationFailed):
        await team.chat.channels.direct(team.workspace, [team.stranger], actor=team.ann)
    with pytest.raises(NotFound):
        await team.chat.channels.direct(team.workspace, [team.ann], actor=team.stranger)
    await team.chat.channels.direct(team.workspace, [team.ann], actor=team.guest)  # they meet in general
    alone = await team.user("alone", Role.GUEST)
    other = await team.chat.workspaces.create(name="Other", slug="other", owner=team.stranger)
    for user, role in ((team.ann, Role.MEMBER), (alone, Role.GUEST)):
        await team.chat.members.add(other, user, role=role)
    with pytest.raises(Forbidden, match="meet in a channel"):
        await team.chat.channels.direct(other, [team.ann], actor=alone)
    assert await team.chat.channels.list(other, actor=alone) == []


async def test_a_direct_message_stays_as_it_is(team: Team) -> None:
    before = await stored(team.chat)
    for call in (
        team.chat.channels.update(team.direct, actor=team.ann, name="mine"),
        team.chat.channels.update(team.direct, actor=team.ann, description="Ours"),
        team.chat.channels.update(team.direct, actor=team.ann, type=PUBLIC),
        team.chat.channels.archive(team.direct, actor=team.ann),
        team.chat.channels.leave(team.direct, actor=team.ann),
        team.chat.channels.remove_member(team.direct, team.ben, actor=team.ann),
    ):
        with pytest.raises(Forbidden, match="direct message"):
            await call
    assert await stored(team.chat) == before


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "names"),
    [
        ("owner", {"general", "room", "vault"}),
        ("admin", {"general", "room"}),
        ("ann", {"general", "room", "vault", "direct"}),
        ("ben", {"general", "room", "direct"}),
        ("guest", {"general", "room"}),
    ],
)
async def test_everybody_sees_their_own_list(team: Team, actor: str, names: set[str]) -> None:
    await team.chat.channels.create(team.workspace, name="other", actor=team.owner, type=PRIVATE)
    await team.chat.channels.create(team.workspace, name="open", actor=team.owner)
    found = [one.channel for one in await team.chat.channels.list(team.workspace, actor=getattr(team, actor))]
    shown = {"direct" if channel.type is ChannelType.DIRECT else channel.name for channel in found}
    more = {"open"} if actor != "guest" else set()
    assert shown == names | more | ({"other"} if actor == "owner" else set())


async def test_a_list_shows_what_is_new(team: Team) -> None:
    await team.say(team.owner, f"Hi <@{team.ann.id}>")
    root = await team.say(team.owner, "Last")
    await team.say(team.owner, "A reply, @channel", thread_id=root.id)
    await team.chat.huddles.start(team.room, actor=team.owner)
    (summary,) = [
        one for one in await team.chat.channels.list(team.workspace, actor=team.ann) if one.channel.id == team.room.id
    ]
    assert (summary.read.unread_count, summary.read.mention_count, summary.is_huddle_active) == (2, 2, True)
    assert summary.last_message is not None
    assert (summary.last_message.content, summary.last_message.user.display_name) == ("Last", "Owner")


async def test_a_channel_that_is_not_there(team: Team) -> None:
    for channel_id in (team.workspace.id, "", "x", "\ud800", "../../etc", "x" * 100_000):
        with pytest.raises(NotFound):
            await team.chat.channels.get(ChannelId(channel_id), actor=team.owner)


async def test_the_counts_of_a_list_are_those_of_its_position(tmp_path: Path) -> None:
    """Listed while others write, on a database with threads: every message is in the count, or behind the position."""
    async with open_chat(f"sqlite:///{tmp_path}/chat.db") as chat:
        owner, ann = [await chat.users.create(email=f"{name}@example.org") for name in ("owner", "ann")]
        workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
        await chat.members.add(workspace, ann)
        (general,) = await chat.channels.list(workspace, actor=ann)

        async def talk() -> None:
            for number in range(20):
                await chat.messages.send(general.channel, author=owner, content=f"message {number}")

        listings = []
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(talk)
            while not listings or listings[-1].channels[0].read.unread_count < 100:
                listings.append(await chat.channels.listing(workspace, actor=ann))
        log = await chat.storage.read(lambda tx: tx.events.since(workspace.id, 0, limit=1000))
        said = [envelope.seq for envelope in log if envelope.type == "message_received"]
        for listing in listings:
            before = [seq for seq in said if seq <= listing.position.seq]
            assert listing.channels[0].read.unread_count == len(before)
        assert len({listing.position.seq for listing in listings}) > 2, "nothing was said meanwhile"
