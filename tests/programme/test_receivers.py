"""Whoever receives an event could GET what it is about, and whoever could GET it receives it."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import orjson
import pytest
import trio
import trio.testing
from tests.programme.hearing import Hearing, hear
from tests.programme.inside import Inside, Person, inside

from chatcore.events import EVENTS, Event, HuddleRejoin
from chatcore.ids import ChannelId, HuddleId
from chatcore.model import ChannelType, Role, TokenScope

pytestmark = pytest.mark.programme

LIMITED = {
    "bot for messages": (TokenScope.MESSAGES_READ,),
    "bot for channels": (TokenScope.CHANNELS_READ, TokenScope.MESSAGES_WRITE),
    "bot for people and huddles": (TokenScope.MEMBERS_READ, TokenScope.HUDDLES_READ),
    "bot for nothing here": (TokenScope.PLUGINS,),
}
"""Bots with tokens for less than everything: what they cannot GET, they are not told."""
HERE = ("owner", "admin", "member", "guest", "bot", *LIMITED)
"""Those who are members all the time."""
NAMED_ALONE = {"read_updated": "userId", "huddle_signal": "toUserId", "huddle_speaking": "toUserId"}
"""Events for one person, and where they are named; the object is the channel all the same."""
TOLD_OF_THEIR_LEAVING = "member_left"
OUTSIDE = "channel_hidden"
"""For those who cannot see the channel any more."""


@attrs.define(eq=False)
class Stage:
    """A workspace with everybody listening, and the places where things happen."""

    server: Inside
    people: dict[str, Person]
    hearings: dict[str, Hearing]
    workspace_id: Any
    slug: str
    places: dict[str, ChannelId]
    seen: set[str] = attrs.field(factory=set)
    """The types of events that were heard so far."""
    _known: dict[str, set[str]] = attrs.field(factory=dict)

    async def act(self, name: str, action: Callable[[], Awaitable[Any]], *, hides: ChannelId | None = None) -> Any:
        """Do something, and check who was told of it. `hides`: a channel that some may see until then."""
        before = await self._readers(f"/api/channels/{hides}") if hides else set()
        seq = (await self.server.chat.hub.position(self.workspace_id)).seq
        result = await action()
        self._known.clear()
        logged = await self._log_after(seq)
        heard = await self._heard()
        told: dict[bytes, set[str]] = {}
        for who, events in heard.items():
            for event in events:
                told.setdefault(orjson.dumps(event), set()).add(who)
        for frame, receivers in told.items():
            event = orjson.loads(frame)
            self.seen.add(event["type"])
            assert receivers == await self._expected(event, before), f"{name}: {event['type']}"
        for event in logged:
            kept_back = not any(orjson.loads(frame).get("seq") == event["seq"] for frame in told)
            assert not (kept_back and await self._expected(event, before)), f"{name}: {event['type']}: nobody was told"
        return result

    async def _log_after(self, seq: int) -> list[dict[str, Any]]:
        envelopes = await self.server.chat.storage.read(lambda tx: tx.events.since(self.workspace_id, seq, limit=1000))
        return [{"type": one.type, "seq": one.seq, "data": orjson.loads(one.data)} for one in envelopes]

    async def _heard(self) -> dict[str, list[dict[str, Any]]]:
        """What everybody heard: after a last event for all of them, nothing can be on its way."""
        chat = self.server.chat
        await chat.workspaces.update(self.workspace_id, actor=self.people["owner"].id, description="the bell")
        bell = (await chat.hub.position(self.workspace_id)).seq
        for who in HERE:
            await self.hearings[who].until(bell)
        await trio.testing.wait_all_tasks_blocked(0.02)
        return {
            who: [event for event in hearing.take() if event.get("seq") != bell and event["type"] in EVENTS]
            for who, hearing in self.hearings.items()
        }

    async def _expected(self, event: dict[str, Any], before: set[str]) -> set[str]:
        """Who is to receive an event: those for whom a GET of its object is answered 200 (and who are live here)."""
        type_, data = event["type"], event["data"]
        readers = await self._readers(self._object(type_, data))
        if type_ in NAMED_ALONE:
            return {who for who in readers if self.people[who].id == data[NAMED_ALONE[type_]]}
        if type_ == TOLD_OF_THEIR_LEAVING:
            return readers | {who for who in self.hearings if self.people[who].id == data["userId"]}
        if type_ == OUTSIDE:
            return before - readers
        return readers

    def _object(self, type_: str, data: dict[str, Any]) -> str:
        """The address of what an event is about."""
        if type_ == "message_received":
            return f"/api/messages/{data['message']['id']}"
        if type_ in ("message_updated", "reaction_added", "reaction_removed"):
            return f"/api/messages/{data['messageId']}"
        if type_ in ("huddle_started", "huddle_updated"):
            return f"/api/huddles/{data['huddle']['id']}"
        if type_.startswith("huddle_"):
            return f"/api/huddles/{data['huddleId']}"
        if type_ in ("message_deleted", "read_updated", "typing"):
            return f"/api/channels/{data['channelId']}/messages"
        if type_ in ("member_updated", "presence_update"):
            return f"/api/workspaces/{self.slug}/members"
        if type_ == "workspace_updated":
            return f"/api/workspaces/{self.slug}"
        channel_id = data.get("channelId") or data.get("channel", {}).get("id")
        return f"/api/channels/{channel_id}" if channel_id else f"/api/workspaces/{self.slug}/members"

    async def _readers(self, path: str) -> set[str]:
        """Those for whom a GET is answered 200."""
        if path not in self._known:
            statuses = {
                who: (await self.server.rest(self.people[who], "GET", path)).status_code for who in self.hearings
            }
            self._known[path] = {who for who, status in statuses.items() if status == 200}
        return self._known[path]


async def make_stage(server: Inside, nursery: trio.Nursery) -> Stage:
    """Everybody is live; the former member was removed, and the closed account deactivated, while they listened."""
    chat = server.chat
    owner = await server.person("owner")
    team = await chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
    kinds = ("admin", "member", "guest", "bot", "former member", "closed account")
    people = {"owner": owner, **{kind: await server.member(team.id, kind) for kind in kinds}}
    for kind, scopes in LIMITED.items():
        people[kind] = await server.member(team.id, "bot", scopes=scopes)
    hearings = {kind: await hear(server, nursery, person, team.id) for kind, person in people.items()}
    # Somebody who is live in another workspace.
    stranger = await server.person("stranger")
    theirs = await chat.workspaces.create(name="Theirs", slug="theirs", owner=stranger.id)
    people["stranger"], hearings["stranger"] = stranger, await hear(server, nursery, stranger, theirs.id)
    (general,) = [summary.channel for summary in await chat.channels.list(team, actor=owner.id)]
    stage = Stage(server, people, hearings, team.id, team.slug, {"general": general.id})
    await chat.members.remove(team, people["former member"].id, actor=owner.id)
    await chat.users.deactivate(people["closed account"].id)
    await stage._heard()
    return stage


MEMBERS = {
    "public": ["member", "guest", "former member"],
    "private": ["member", "bot", "closed account", *LIMITED],
    "group direct": ["guest", "bot", *LIMITED],
    "direct": ["admin"],
}


async def furnish(stage: Stage) -> None:
    """Make the channels, each an action of its own."""
    chat, people = stage.server.chat, stage.people
    for place, kinds in MEMBERS.items():
        members = [people[kind].id for kind in kinds if kind in HERE]
        if "direct" in place:
            made, _ = await stage.act(
                place,
                lambda members=members: chat.channels.direct(stage.workspace_id, members, actor=people["owner"].id),
            )
        else:
            made = await stage.act(
                place,
                lambda place=place, members=members: chat.channels.create(
                    stage.workspace_id,
                    name=place,
                    type=ChannelType(place),
                    members=members,
                    actor=people["owner"].id,
                ),
            )
        stage.places[place] = made.id


async def everything_in_a_channel(stage: Stage, place: str) -> None:
    """Every kind of event that a channel has, over the wire, by two people who are in it."""
    channel, owner = stage.places[place], stage.people["owner"]
    other = stage.people["admin" if place == "direct" else "bot" if place == "group direct" else "member"]
    speaker = await stage.server.socket(owner)
    listener = await stage.server.socket(other)

    async def say(type_: str, by: Any = speaker, **data: Any) -> Any:
        reply = await stage.act(f"{type_} in {place}", lambda: by.ask(type_, **data))
        assert reply["ok"], reply
        return reply["data"]

    root = (await say("send_message", channelId=channel, content="Hello"))["message"]["id"]
    reply = (await say("send_message", by=listener, channelId=channel, content="Yes?", threadId=root))["message"]["id"]
    await say("edit_message", messageId=root, content="Hello!")
    await say("add_reaction", by=listener, messageId=root, emoji="👍")
    await say("remove_reaction", by=listener, messageId=root, emoji="👍")
    await say("mark_read", by=listener, channelId=channel, messageId=reply)
    await say("typing_start", channelId=channel)
    huddle = (await say("start_huddle", channelId=channel))["huddle"]["id"]
    await say("join_huddle", by=listener, huddleId=huddle)
    signal = {"type": "offer", "data": {"sdp": "v=0"}, "targetUserId": other.id}
    await say("huddle_signal", huddleId=huddle, signal=signal)
    await say("huddle_state", huddleId=huddle, muted=True)
    await say("huddle_state", by=listener, huddleId=huddle, speaking=True)
    changed = {"method": "PATCH", "path": f"/api/huddles/{huddle}", "body": {"title": "Tea"}}
    assert (await stage.act(f"a title in {place}", lambda: stage.server.rest(owner, **changed))).is_success
    rejoin = HuddleRejoin(
        workspace_id=stage.workspace_id, channel_id=channel, huddle_id=HuddleId(huddle), reason="gone"
    )
    await stage.act(f"a restart of media in {place}", lambda: announce(stage, rejoin))
    await say("leave_huddle", by=listener, huddleId=huddle)
    if "direct" in place:
        await say("ring_huddle", huddleId=huddle)
    await say("leave_huddle", huddleId=huddle)
    await say("start_huddle", channelId=channel)
    await say("delete_message", messageId=root)


async def announce(stage: Stage, event: Event) -> None:
    """Say something that only the voice provider makes the server say."""
    stage.server.chat.hub.announce(event)


async def everything_about_channels(stage: Stage) -> None:
    """What changes who may read a channel, and the channel itself."""
    owner = stage.people["owner"]

    async def rest(method: str, path: str, body: Any = None, *, by: Person = owner, **options: Any) -> None:
        answer = await stage.act(f"{method} {path}", lambda: stage.server.rest(by, method, path, body), **options)
        assert answer.is_success, answer.text

    guest, bot = stage.people["guest"], stage.people["bot"]
    public, private = (f"/api/channels/{stage.places[place]}" for place in ("public", "private"))
    await rest("PATCH", public, {"description": "What it is for"})
    await rest("POST", public + "/join", by=bot)
    await rest("POST", public + "/leave", by=bot)
    await rest("PUT", f"{private}/members/{guest.id}")
    await rest("DELETE", f"{private}/members/{guest.id}")
    await rest("PATCH", public, {"type": "private"}, hides=stage.places["public"])
    await rest("PATCH", public, {"type": "public"})
    await rest("POST", public + "/archive")
    await rest("PATCH", public, {"archived": False})


async def everything_about_people(stage: Stage) -> None:
    """Coming, going, and looking different."""
    chat, workspace_id, owner = stage.server.chat, stage.workspace_id, stage.people["owner"]
    newcomer = await stage.server.person("newcomer")
    await stage.act("joining", lambda: chat.members.add(workspace_id, newcomer.id))
    await stage.act("a new name", lambda: chat.users.update(newcomer.id, actor=newcomer.id, display_name="Newer"))
    await stage.act("a new role", lambda: chat.members.set_role(workspace_id, newcomer.id, Role.ADMIN, actor=owner.id))
    await stage.act("presence", lambda: chat.presence.connect(newcomer.id, "device"))
    await stage.act("removal", lambda: chat.members.remove(workspace_id, newcomer.id, actor=owner.id))
    await stage.act("coming back", lambda: chat.members.add(workspace_id, newcomer.id))
    await stage.act("deactivation", lambda: chat.users.deactivate(newcomer.id))
    await stage.act(
        "a new description", lambda: chat.workspaces.update(workspace_id, actor=owner.id, description="New")
    )


@pytest.mark.slow
async def test_receivers_of_every_event_are_those_who_could_get_its_object() -> None:
    async with inside() as server, trio.open_nursery() as nursery:
        stage = await make_stage(server, nursery)
        await furnish(stage)
        for place in stage.places:
            await everything_in_a_channel(stage, place)
        await everything_about_channels(stage)
        await everything_about_people(stage)
        assert stage.seen == set(EVENTS), "an event was never sent, or is new: add what causes it"
        assert stage.hearings["closed account"].closed
        nursery.cancel_scope.cancel()
