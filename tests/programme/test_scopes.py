"""What a bot's token is for: each endpoint and frame, without each scope that it needs, and with these alone."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.programme.inside import Inside, Person, inside
from tests.programme.scenes import path_of

from chatcore.ids import uuid7
from chatcore.model import Role, TokenScope
from chatserver.gateway.frames import FRAMES
from chatserver.rest import ROUTES
from chatserver.route import Auth, Route

pytestmark = pytest.mark.programme

SIGNED_IN = [route for route in ROUTES if route.auth is Auth.SIGNED_IN]
PARTS = {"slug": "team", "token": "nothing", "emoji": "x"}


@pytest.fixture
async def server() -> AsyncIterator[Inside]:
    async with inside() as server:
        yield server


class Bots:
    """Bots who own a workspace, each with a token for something else."""

    def __init__(self, server: Inside) -> None:
        self._server = server
        self._made: dict[frozenset[TokenScope], Person] = {}
        self._team: Any = None

    async def having(self, *scopes: TokenScope) -> Person:
        """The bot with a token for these."""
        key = frozenset(scopes)
        if key not in self._made:
            self._made[key] = bot = await self._server.person("bot", scopes=scopes or [TokenScope.PLUGINS])
            chat = self._server.chat
            if self._team is None:
                self._team = await chat.workspaces.create(name="Team", slug="team", owner=bot.id)
            else:
                await chat.members.add(self._team, bot.id, role=Role.OWNER)
        return self._made[key]

    async def lacking(self, scope: TokenScope) -> Person:
        """The bot with a token for everything but this."""
        return await self.having(*(each for each in TokenScope if each is not scope))


def missing(scope: TokenScope, error: dict[str, Any]) -> bool:
    """Whether this is the refusal of a token that lacks the scope, and names it to people and to programs."""
    granted = [each.value for each in TokenScope if each is not scope]
    return (
        error["code"] == "MISSING_SCOPE"
        and error["message"].endswith(f"ask for one with the scope {scope}.")
        and error["details"] == {"scope": scope.value, "granted": granted}
    )


async def test_every_endpoint_refuses_a_token_without_its_scope_and_takes_one_with_it(server: Inside) -> None:
    bots, wrong = Bots(server), []
    for route in SIGNED_IN:
        for scope in route.needs:
            response = await ask(server, await bots.lacking(scope), route)
            if response.status_code != 403 or not missing(scope, response.json()["error"]):
                wrong.append(f"{route.name} without {scope}: {response.text}")
        response = await ask(server, await bots.having(*route.needs), route)
        if "MISSING_SCOPE" in response.text:
            wrong.append(f"{route.name} with {route.needs}: {response.text}")
    assert not wrong, "\n".join(wrong)


async def ask(server: Inside, by: Person, route: Route) -> Any:
    """A call of the endpoint, about nothing that there is."""
    parts = {each.name: PARTS.get(each.name, uuid7(1)) for each in route.parameters}
    return await server.rest(by, route.method, path_of(route.path, parts))


async def test_every_frame_refuses_a_token_without_its_scope_and_takes_one_with_it(server: Inside) -> None:
    bots, wrong = Bots(server), []
    for type_, frame in FRAMES.items():
        for scope in frame.needs:
            error = await say(server, await bots.lacking(scope), type_)
            if not missing(scope, error):
                wrong.append(f"{type_} without {scope}: {error}")
        error = await say(server, await bots.having(*frame.needs), type_)
        if error.get("code") == "MISSING_SCOPE":
            wrong.append(f"{type_} with {frame.needs}: {error}")
    assert not wrong, "\n".join(wrong)


SAID: dict[str, Any] = {
    "workspaceId": uuid7(1),
    "channelId": uuid7(1),
    "messageId": uuid7(1),
    "huddleId": uuid7(1),
    "userId": uuid7(1),
    "content": "x",
    "emoji": "👍",
    "status": "online",
    "accessToken": "x",
    "videos": [],
    "signal": {"type": "offer", "data": {}, "targetUserId": uuid7(1)},
}
FIELDS = {
    "mute_participant": ["huddleId", "userId"],
    "remove_participant": ["huddleId", "userId"],
    "huddle_wants": ["huddleId", "videos"],
    "huddle_signal": ["huddleId", "signal"],
    "send_message": ["channelId", "content"],
    "edit_message": ["messageId", "content"],
    "delete_message": ["messageId"],
    "add_reaction": ["messageId", "emoji"],
    "remove_reaction": ["messageId", "emoji"],
    "mark_read": ["channelId", "messageId"],
    "typing_start": ["channelId"],
    "typing_stop": ["channelId"],
    "update_presence": ["status"],
    "start_huddle": ["channelId"],
    "authenticate": ["accessToken"],
    "join_workspace": ["workspaceId"],
    "leave_workspace": ["workspaceId"],
}


async def say(server: Inside, by: Person, type_: str) -> dict[str, Any]:
    """What is wrong with the frame, about nothing that there is; {}: nothing."""
    client = await server.socket(by)
    try:
        await client.say(type_, "try", **{name: SAID[name] for name in FIELDS.get(type_, ["huddleId"])})
        while (text := await client.receive()) is not None:
            reply = orjson.loads(text)
            if reply.get("id") == "try":
                return dict(reply.get("error", {}))
        return {"code": f"closed with {client.close_code}"}
    finally:
        await client.aclose()


# --- what else a token is not shown ----------------------------------------------------------------------------------


async def test_the_list_of_channels_shows_last_messages_only_to_who_may_read_messages(server: Inside) -> None:
    bots = Bots(server)
    for readable, scopes in (
        (False, [TokenScope.CHANNELS_READ]),
        (True, [TokenScope.CHANNELS_READ, TokenScope.MESSAGES_READ]),
    ):
        bot = await bots.having(*scopes)
        team = await server.chat.workspaces.resolve("team", actor=bot.id)
        name = f"plans-{readable}".lower()
        channel = await server.chat.channels.create(team, name=name, actor=bot.id)
        await server.chat.messages.send(channel, author=bot.id, content="secret")
        listed = await server.rest(bot, "GET", "/api/workspaces/team/channels")
        assert listed.status_code == 200
        assert ("secret" in listed.text) is readable


async def test_what_was_missed_is_filtered_like_what_is_live(server: Inside) -> None:
    bots = Bots(server)
    bot = await bots.having(TokenScope.CHANNELS_READ)
    chat = server.chat
    team = await chat.workspaces.resolve("team", actor=bot.id)
    before = await chat.hub.position(team)
    channel = await chat.channels.create(team, name="plans", actor=bot.id)
    await chat.messages.send(channel, author=bot.id, content="missed")
    client = await server.socket(bot)
    since = {"epoch": before.epoch, "seq": before.seq}
    await client.say("join_workspace", "join", workspaceId=team, since=since)
    await chat.messages.send(channel, author=bot.id, content="live")
    await chat.channels.update(channel, actor=bot.id, description="last")
    heard = []
    while "channel_updated" not in heard:
        text = await client.receive()
        assert text is not None
        heard.append(orjson.loads(text)["type"])
    assert [type_ for type_ in heard if type_ not in ("hello", "reply")] == ["channel_created", "channel_updated"]


async def test_a_connection_cannot_be_given_a_token_for_something_else(server: Inside) -> None:
    bot = await server.person("bot", scopes=[TokenScope.MESSAGES_READ])
    _, wider = await server.chat.tokens.create(bot.id, name="wider")
    _, same = await server.chat.tokens.create(bot.id, name="same", scopes=[TokenScope.MESSAGES_READ])
    client = await server.socket(bot)
    refused = await client.ask("authenticate", accessToken=wider)
    assert (refused["ok"], refused["error"]["code"]) == (False, "INSUFFICIENT_PERMISSIONS")
    assert (await client.ask("authenticate", accessToken=same))["ok"]
