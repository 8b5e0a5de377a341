"""What each call of docs/reference/permissions.md says: the parts of its address, its body, its frame."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from tests.programme.inside import PASSWORD, Person
from tests.programme.scenes import EMOJI, Scene, World
from tests.programme.table import Call

from chatcore.ids import uuid7
from chatcore.model import Role
from chatserver.gateway.frames import FRAMES

Fields = Mapping[str, Any]


@attrs.frozen
class Request:
    """`path`: what stands for the `:parts` of the address. `data`: the query, the body, or the frame's data."""

    path: dict[str, str] = attrs.field(factory=dict)
    data: dict[str, Any] | None = None

    def of_nothing(self) -> "Request":
        """The same about something that does not exist."""
        data = None if self.data is None else _of_nothing(self.data)
        return Request(self.path if data != self.data else _of_nothing(self.path), data)


def _of_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    strange = {"slug": "no-such-team", "token": "no-such-token"}
    ids = ("channelId", "messageId", "huddleId", "inviteId", "workspaceId")
    return {name: uuid7(1) if name in ids else strange.get(name, value) for name, value in fields.items()}


# --- in a channel ----------------------------------------------------------------------------------------------------

_IN_CHANNEL: dict[str, Callable[[World, Scene], dict[str, Any]]] = {
    "GET /api/workspaces/:slug/search: finds its messages": lambda world, scene: {"q": "needle"},
    "GET /api/workspaces/:slug/search: in this channel": lambda world, scene: {
        "q": "needle",
        "channelId": scene.channel_id,
    },
    "POST /api/channels/:channelId/messages": lambda world, scene: {"content": "Hello"},
    "POST /api/channels/:channelId/messages: a reply": lambda world, scene: {
        "content": "Hello",
        "threadId": scene.theirs,
    },
    "POST /api/messages/:messageId/reactions": lambda world, scene: {"emoji": EMOJI},
    "POST /api/channels/:channelId/huddles": lambda world, scene: {},
    "POST /api/huddles/:huddleId/join": lambda world, scene: {},
    "PATCH /api/huddles/:huddleId": lambda world, scene: {"title": "Tea"},
    "PATCH /api/huddles/:huddleId/state": lambda world, scene: {"muted": True},
    "PUT /api/huddles/:huddleId/videos": lambda world, scene: {"videos": []},
    "POST /api/huddles/:huddleId/ring": lambda world, scene: {},
    "PUT /api/channels/:channelId/read": lambda world, scene: {"messageId": scene.theirs},
    "PUT /api/messages/:messageId": lambda world, scene: {"content": "Changed"},
    "PATCH /api/channels/:channelId: its description": lambda world, scene: {"description": "What it is for"},
    "PATCH /api/channels/:channelId: its name": lambda world, scene: {"name": world.next_name()},
    "PATCH /api/channels/:channelId: its type": lambda world, scene: {
        "type": "public" if scene.place.startswith("private") else "private"
    },
    "PATCH /api/channels/:channelId: its settings": lambda world, scene: {"settings": {"colour": "red"}},
    "PATCH /api/channels/:channelId: into the archive": lambda world, scene: {"archived": True},
    "PATCH /api/channels/:channelId: out of the archive": lambda world, scene: {"archived": False},
    "send_message": lambda world, scene: {"channelId": scene.channel_id, "content": "Hello"},
    "add_reaction": lambda world, scene: {"messageId": scene.theirs, "emoji": EMOJI},
    "remove_reaction": lambda world, scene: {"messageId": scene.theirs, "emoji": EMOJI},
    "mark_read": lambda world, scene: {"channelId": scene.channel_id, "messageId": scene.theirs},
    "edit_message: one's own": lambda world, scene: {"messageId": scene.own, "content": "Changed"},
    "edit_message: of somebody else": lambda world, scene: {"messageId": scene.theirs, "content": "Changed"},
    "delete_message: one's own": lambda world, scene: {"messageId": scene.own},
    "delete_message: of somebody else": lambda world, scene: {"messageId": scene.theirs},
    "typing_start": lambda world, scene: {"channelId": scene.channel_id},
    "typing_stop": lambda world, scene: {"channelId": scene.channel_id},
    "start_huddle": lambda world, scene: {"channelId": scene.channel_id},
    "join_huddle": lambda world, scene: {"huddleId": scene.huddle_id},
    "leave_huddle": lambda world, scene: {"huddleId": scene.huddle_id},
    "huddle_signal": lambda world, scene: {
        "huddleId": scene.huddle_id,
        "signal": {"type": "offer", "data": {"sdp": "v=0"}, "targetUserId": scene.host.id},
    },
    "huddle_state": lambda world, scene: {"huddleId": scene.huddle_id, "muted": True},
    "huddle_wants": lambda world, scene: {"huddleId": scene.huddle_id, "videos": []},
    "mute_participant": lambda world, scene: {"huddleId": scene.huddle_id, "userId": scene.host.id},
    "remove_participant": lambda world, scene: {"huddleId": scene.huddle_id, "userId": scene.host.id},
    "ring_huddle": lambda world, scene: {"huddleId": scene.huddle_id},
    "decline_huddle": lambda world, scene: {"huddleId": scene.huddle_id},
    "start_recording": lambda world, scene: {"huddleId": scene.huddle_id},
    "stop_recording": lambda world, scene: {"huddleId": scene.huddle_id},
}


def by_creator(call: Call) -> bool:
    """Whether the person made the channel."""
    return call.case.endswith("creator")


def needs_huddle(call: Call) -> bool:
    """Whether a huddle has to go on."""
    about = "huddle" in call.name or call.name.endswith(("_participant", "_recording"))
    return about and call.name not in ("start_huddle", "POST /api/channels/:channelId/huddles")


def in_channel(call: Call, world: World, scene: Scene, person: Person) -> Request:
    """What the call says about this channel."""
    case = call.case.removesuffix("as its creator").removesuffix("as the channel's creator").rstrip(", ")
    make = _IN_CHANNEL.get(str(Call(call.name, case))) or _IN_CHANNEL.get(call.name)
    data = None if make is None else make(world, scene)
    if call.name in FRAMES:
        assert data is not None, f"{call}: say in {__name__} what the frame holds"
        return Request(data=data)
    of_a_member = call.name.startswith("DELETE") and "/members/" in call.name
    taken_out = world.third.id if of_a_member and scene.place != "elsewhere" else world.host.id
    return Request(
        {
            "slug": world.team.slug,
            "channelId": scene.channel_id,
            "messageId": scene.own if call.case == "one's own" else scene.theirs,
            "userId": person.id if call.case == "oneself" else taken_out,
            "huddleId": scene.huddle_id or "",
            "emoji": EMOJI,
        },
        data,
    )


# --- elsewhere -------------------------------------------------------------------------------------------------------


async def _register(world: World, person: Person, case: str) -> Request:
    email = f"{world.next_name()}@example.org"
    return Request(data={"email": email, "password": PASSWORD, "firstName": "New", "lastName": "Person"})


async def _login(world: World, person: Person, case: str) -> Request:
    email = "nobody@example.org" if person.user is None else person.user.email
    return Request(data={"email": email, "password": PASSWORD})


async def _with_refresh_token(world: World, person: Person, case: str) -> Request:
    return Request(data={} if person.refresh_token is None else {"refreshToken": person.refresh_token})


async def _new_workspace(world: World, person: Person, case: str) -> Request:
    return Request(data={"name": "New", "slug": world.next_name()})


async def _join(world: World, person: Person, case: str) -> Request:
    return Request({"slug": world.open.slug if case == "it is open" else world.team.slug})


async def _accept(world: World, person: Person, case: str) -> Request:
    _, token = await world.server.chat.invites.create(world.team, actor=world.host.id)
    return Request({"token": token})


async def _token(world: World, person: Person, case: str) -> Request:
    chat = world.server.chat
    bot = await world.server.person("bot")
    await chat.members.add(world.team, bot.id, role=Role.OWNER if case == "of an owner" else Role.MEMBER)
    if case == "of one that is elsewhere too":
        await chat.members.add(world.elsewhere, bot.id)
    (token,) = await chat.tokens.list(bot.id)
    return Request({"slug": world.team.slug, "userId": bot.id, "tokenId": token.id}, {"name": "ci"})


async def _tokens(world: World, person: Person, case: str) -> Request:
    return Request((await _token(world, person, case)).path)


async def _authenticate(world: World, person: Person, case: str) -> Request:
    return Request(data={"accessToken": person.token or "nobody"})


async def _workspace_frame(world: World, person: Person, case: str) -> Request:
    return Request(data={"workspaceId": world.team.id})


async def _direct(world: World, person: Person, case: str) -> Request:
    return Request({"slug": world.team.slug}, {"userIds": [world.third.id]})


async def _change_role(world: World, person: Person, case: str) -> Request:
    before, _, after = case.partition(" becomes ")
    return Request(await _of_member(world, person, before), {"role": after.split()[-1]})


async def _remove(world: World, person: Person, case: str) -> Request:
    return Request(await _of_member(world, person, case))


async def _of_member(world: World, person: Person, who: str) -> dict[str, str]:
    """`who` is like `a guest`, or `oneself`."""
    if who == "oneself":
        target = world.third if person.user is None else person
    else:
        target = await world.server.member(world.team.id, who.split()[-1])
    return {"slug": world.team.slug, "userId": target.id}


async def _invite(world: World, person: Person, case: str) -> Request:
    return Request({"slug": world.team.slug}, {"role": case.split()[-1]})


async def _revoke(world: World, person: Person, case: str) -> Request:
    chat = world.server.chat
    invite, _ = await chat.invites.create(world.team, actor=world.host.id)
    if case == "one's own" and person.user is not None:
        owned = attrs.evolve(invite, created_by=person.id)
        await chat.storage.write(lambda tx: tx.invites.update(owned))
    return Request({"inviteId": invite.id})


_ELSEWHERE = {
    "POST /api/auth/register": _register,
    "POST /api/auth/login": _login,
    "POST /api/auth/refresh": _with_refresh_token,
    "POST /api/auth/logout": _with_refresh_token,
    "POST /api/workspaces": _new_workspace,
    "POST /api/workspaces/:slug/join": _join,
    "POST /api/invites/:token/accept": _accept,
    "POST /api/workspaces/:slug/directs": _direct,
    "PATCH /api/workspaces/:slug/members/:userId": _change_role,
    "DELETE /api/workspaces/:slug/members/:userId": _remove,
    "POST /api/workspaces/:slug/members/:userId/tokens": _token,
    "GET /api/workspaces/:slug/members/:userId/tokens": _tokens,
    "DELETE /api/workspaces/:slug/members/:userId/tokens/:tokenId": _tokens,
    "POST /api/workspaces/:slug/invites": _invite,
    "DELETE /api/invites/:inviteId": _revoke,
    "authenticate": _authenticate,
    "join_workspace": _workspace_frame,
    "leave_workspace": _workspace_frame,
}
_BODIES: dict[str, dict[str, Any]] = {
    "PATCH /api/users/me": {"firstName": "Other"},
    "PUT /api/users/me/commands": {"commands": [{"name": "roll", "about": "Throw a die."}]},
    "POST /api/auth/password": {"currentPassword": PASSWORD, "newPassword": "another battery"},
    "GET /api/workspaces/:slug/search": {"q": "needle"},
    "PUT /api/workspaces/:slug": {"description": "What it is for"},
    "update_presence": {"status": "away"},
}


async def elsewhere(call: Call, world: World, person: Person) -> Request:
    """What the call says that is about no channel."""
    make = _ELSEWHERE.get(call.name)
    if make is not None:
        return await make(world, person, call.case)
    data = _BODIES.get(call.name)
    if call.name == "POST /api/workspaces/:slug/channels":
        data = {"name": world.next_name(), "type": call.case.split()[1]}
    return Request({"slug": world.team.slug}, data)
