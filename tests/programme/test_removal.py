"""Who loses their place hears nothing more of it, at once, at an open socket, and finds nothing of it anywhere."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.hearing import hear
from tests.programme.inside import Inside, Person, inside
from trio.testing import wait_all_tasks_blocked  # itself: who always talks is never quiet while a database is asked

from chatcore import Chat
from chatcore.ids import ChannelId
from chatcore.model import ChannelType, Position, Role, Workspace

pytestmark = pytest.mark.programme

EVERY = 0.01
"""Seconds between the things that are said meanwhile."""


@attrs.define(eq=False)
class Place:
    """A channel in which the owner never stops talking, and somebody who is about to lose it."""

    server: Inside
    team: Workspace
    channel_id: ChannelId
    owner: Person
    person: Person
    message_id: str = ""
    huddle_id: str = ""
    said: list[int] = attrs.field(factory=list)
    """The seqs of what was said."""

    async def talk(self) -> None:
        """Messages, replies, reactions, edits, typing, presence: until cancelled."""
        chat, owner = self.server.chat, self.owner.id
        root = await chat.messages.send(self.channel_id, author=owner, content="needle: the root")
        self.message_id = root.id
        self.huddle_id = (await chat.huddles.start(self.channel_id, actor=owner)).huddle.id
        number = 0
        while True:
            number += 1
            sent = await chat.messages.send(self.channel_id, author=owner, content=f"needle {number}")
            await chat.messages.send(self.channel_id, author=owner, content=f"needle {number}", thread_id=root.id)
            await chat.messages.edit(sent, actor=owner, content=f"needle {number} again")
            await chat.reactions.add(sent, "👍", actor=owner)
            await chat.typing.set(self.channel_id, number % 2 == 0, actor=owner)
            await chat.presence.connect(owner, "device")
            self.said.append(sent.seq)
            await trio.sleep(EVERY)


Cut = Callable[[Chat, Place], Awaitable[object]]

CUTS: dict[str, tuple[str, str, bool, Cut]] = {
    # what happens: (the role of the person, the type of the channel, whether they are in it, how)
    "removed from a private channel": (
        "member",
        "private",
        True,
        lambda chat, place: chat.channels.remove_member(place.channel_id, place.person.id, actor=place.owner.id),
    ),
    "a guest is removed from a public channel": (
        "guest",
        "public",
        True,
        lambda chat, place: chat.channels.remove_member(place.channel_id, place.person.id, actor=place.owner.id),
    ),
    "leaves a private channel": (
        "member",
        "private",
        True,
        lambda chat, place: chat.channels.leave(place.channel_id, actor=place.person.id),
    ),
    "the channel is made private": (
        "member",
        "public",
        False,
        lambda chat, place: chat.channels.update(place.channel_id, type=ChannelType.PRIVATE, actor=place.owner.id),
    ),
    "becomes a guest": (
        "member",
        "public",
        False,
        lambda chat, place: chat.members.set_role(place.team, place.person.id, Role.GUEST, actor=place.owner.id),
    ),
    "removed from the workspace": (
        "member",
        "public",
        True,
        lambda chat, place: chat.members.remove(place.team, place.person.id, actor=place.owner.id),
    ),
    "leaves the workspace": (
        "admin",
        "private",
        True,
        lambda chat, place: chat.members.remove(place.team, place.person.id, actor=place.person.id),
    ),
    "the account is closed": (
        "member",
        "private",
        True,
        lambda chat, place: chat.users.deactivate(place.person.id),
    ),
    "a bot's account is closed": (
        "bot",
        "private",
        True,
        lambda chat, place: chat.users.deactivate(place.person.id),
    ),
}
OUT_OF_WORKSPACE = ("removed from the workspace", "leaves the workspace")
CLOSED = ("the account is closed", "a bot's account is closed")
GONE = OUT_OF_WORKSPACE + CLOSED


@pytest.mark.parametrize("what", CUTS, ids=lambda what: what.replace(" ", "-"))
async def test_nothing_more_is_heard_and_nothing_is_found(what: str) -> None:
    kind, type_, joined, cut = CUTS[what]
    async with inside() as server, trio.open_nursery() as nursery:
        place = await make_place(server, kind, type_, joined=joined)
        hearing = await hear(server, nursery, place.person, place.team.id)
        nursery.start_soon(place.talk)
        await until(lambda: len(place.said) >= 5)
        before = hearing.take()
        assert {"message_received", "message_updated", "reaction_added", "typing"} <= {one["type"] for one in before}
        cursor = Position(epoch=server.chat.storage.epoch, seq=before[0].get("seq", 1))

        await cut(server.chat, place)
        last = (await server.chat.hub.position(place.team.id)).seq
        await wait_all_tasks_blocked(0.005)
        hearing.take()
        await until(lambda: len([seq for seq in place.said if seq > last]) >= 10)
        late = [one for one in hearing.take() if what in GONE or _is_of(one, place)]
        assert not late, f"{len(late)} events after it: {late[0]}"
        assert hearing.closed is (what in CLOSED)
        await nothing_is_found(place, cursor, what)
        nursery.cancel_scope.cancel()


async def make_place(server: Inside, kind: str, type_: str, *, joined: bool) -> Place:
    chat = server.chat
    owner = await server.person("owner")
    team = await chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
    person = await server.member(team.id, kind)
    channel = await chat.channels.create(
        team, name="place", type=ChannelType(type_), members=[person.id] if joined else [], actor=owner.id
    )
    return Place(server, team, channel.id, owner, person)


def _is_of(event: dict[str, Any], place: Place) -> bool:
    """Whether an event tells of what goes on in the channel."""
    return place.channel_id in str(event["data"])


async def nothing_is_found(place: Place, cursor: Position, what: str) -> None:
    """Over REST, by search, in a replay, by frames."""
    server, person, channel = place.server, place.person, f"/api/channels/{place.channel_id}"
    wanted = 401 if what in CLOSED else 404
    for path in (
        channel,
        f"{channel}/messages",
        f"{channel}/huddles/active",
        f"/api/huddles/{place.huddle_id}",
        f"/api/messages/{place.message_id}",
        f"/api/messages/{place.message_id}/thread",
        f"/api/workspaces/team/search?q=needle&channelId={place.channel_id}",
    ):
        assert (await server.rest(person, "GET", path)).status_code == wanted, path
    for method, path, body in (
        ("POST", f"{channel}/messages", {"content": "still here"}),
        ("POST", f"/api/messages/{place.message_id}/reactions", {"emoji": "👍"}),
        ("PUT", f"{channel}/read", {"messageId": place.message_id}),
        ("POST", f"/api/huddles/{place.huddle_id}/join", {}),
    ):
        assert (await server.rest(person, method, path, body)).status_code == wanted, path
    if what in CLOSED:
        socket = await server.socket(Person("nobody"))
        assert not (await socket.ask("authenticate", accessToken=person.token))["ok"]
        return
    found = await server.rest(person, "GET", "/api/workspaces/team/search?q=needle")
    assert found.status_code == (404 if what in OUT_OF_WORKSPACE else 200)
    assert found.status_code == 404 or found.json()["results"] == []
    await nothing_is_replayed(place, cursor, what)


async def nothing_is_replayed(place: Place, cursor: Position, what: str) -> None:
    """To a socket that comes back with a cursor of the time when it could be heard."""
    socket = await place.server.socket(place.person)
    since = {"epoch": cursor.epoch, "seq": cursor.seq}
    await socket.say("join_workspace", "join", workspaceId=place.team.id, since=since)
    replayed = []
    while (frame := await socket.hear()).get("id") != "join":
        replayed.append(frame)
    assert frame["ok"] is (what not in OUT_OF_WORKSPACE)
    told_of_itself = ("channel_hidden", "member_left")
    assert [one for one in replayed if place.channel_id in str(one["data"]) and one["type"] not in told_of_itself] == []
    for type_, data in (
        ("send_message", {"channelId": place.channel_id, "content": "still here"}),
        ("typing_start", {"channelId": place.channel_id}),
    ):
        assert (await socket.ask(type_, **data))["error"]["code"] == "RESOURCE_NOT_FOUND"
