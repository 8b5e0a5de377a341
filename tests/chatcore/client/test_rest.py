"""The client offers everything that the server does, in the server's own words."""

import importlib
import pkgutil
import re
from typing import Any, get_args

import attrs
import httpx
import pytest
from tests.chatcore.client.house import PASSWORD, House

from chatcore.client import KEEP, Client, open_client, rest
from chatcore.client.endpoint import Endpoint
from chatcore.errors import Duplicate, Forbidden, InvalidCredentials, NotFound
from chatcore.model import ChannelType, Role, TokenScope
from chatserver.rest import ROUTES
from chatserver.route import Route

NOT_FOR_CLIENTS = {
    "GET /api/realtime": "the socket: Client.workspace",
    "GET /api/health/ready": "for a load balancer",
    "GET /api/openapi.json": "for tools",
    "GET /metrics": "for Prometheus",
}
"""Routes without a method, and why. A new route belongs into chatcore.client.rest, or here."""


def endpoints() -> dict[str, Endpoint[Any]]:
    """Every endpoint that the client knows."""
    found = {}
    for module in pkgutil.iter_modules(rest.__path__):
        for value in vars(importlib.import_module(f"{rest.__name__}.{module.name}")).values():
            if isinstance(value, Endpoint):
                found[f"{value.method} {value.path}"] = value
    return found


ENDPOINTS = endpoints()
SERVED = {f"{route.method} {route.path}": route for route in ROUTES}


def test_the_client_offers_every_route() -> None:
    assert ENDPOINTS.keys() | NOT_FOR_CLIENTS.keys() == SERVED.keys()
    assert not ENDPOINTS.keys() & NOT_FOR_CLIENTS.keys()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_answers_have_the_fields_that_the_server_gives(name: str) -> None:
    served = SERVED[name].answer
    assert shape(ENDPOINTS[name].answer) == shape(type(None) if served is None else served)


def shape(cls: Any) -> Any:
    """What a class looks like as JSON: its fields and whether they may be absent, all the way down."""
    cls = bare(cls)
    if attrs.has(cls):
        hints = {field.name: field for field in attrs.fields(attrs.resolve_types(cls))}
        return {name: (shape(field.type), field.default is attrs.NOTHING) for name, field in hints.items()}
    return "text" if isinstance(cls, type) and issubclass(cls, str) else str(cls)


def bare(cls: Any) -> Any:
    """The type below limits, lists and None."""
    while get_args(cls) and str(cls) != "collections.abc.Mapping[str, typing.Any]":
        cls = next(each for each in get_args(cls) if each is not type(None))
    return getattr(cls, "__supertype__", cls)


@pytest.fixture
def asked() -> set[str]:
    """The routes that were asked for."""
    return set()


def watch(client: Client, asked: set[str]) -> None:
    """Note every request of a client."""
    shapes = [(re.compile(re.sub(r":[A-Za-z]+", "[^/]+", route.path) + r"\Z"), route) for route in ROUTES]

    async def note(request: httpx.Request) -> None:
        asked.update(_name(route) for shape, route in shapes if matches(shape, route, request))

    client.api.http.event_hooks["request"].append(note)


def matches(shape: re.Pattern[str], route: Route, request: httpx.Request) -> bool:
    # A path of fixed words wins over one with parts, as on the server.
    fixed = any(each.method == request.method and each.path == request.url.path for each in ROUTES)
    if fixed:
        return route.path == request.url.path and route.method == request.method
    return route.method == request.method and shape.match(request.url.path) is not None


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


async def test_every_method_works(home: House, asked: set[str]) -> None:
    async with home.client(home.ada) as ada, home.client() as ben:
        watch(ada, asked)
        watch(ben, asked)
        await life_of_a_workspace(home, ada, ben)
        await life_of_a_channel(home, ada, ben)
        await life_of_messages(home, ada, ben)
        await life_of_a_huddle(home, ada, ben)
        assert (await ada.server.health()).status == "ok"
        assert await ada.commands.list("team") == ()
        with pytest.raises(Forbidden, match="Only bots"):
            await ada.commands.announce([])
    async with open_client(home.url) as nobody:
        watch(nobody, asked)
        await life_of_a_session(nobody)
    assert asked == ENDPOINTS.keys()


async def life_of_a_workspace(home: House, ada: Client, ben: Client) -> None:
    assert (await ben.users.me()).email == "ben@example.org"
    assert (await ben.users.update(first_name="Benjamin", avatar_url=None)).first_name == "Benjamin"
    made = await ada.workspaces.create(name="Choir", slug="choir", description="We sing")
    assert [each.slug for each in await ada.workspaces.list()] == ["choir", "team"]
    assert (await ada.workspaces.get("choir")).workspace.description == "We sing"
    changed = await ada.workspaces.update("choir", description=None, settings={"openJoin": True})
    assert (changed.name, changed.description) == ("Choir", None)
    assert (await ben.workspaces.join("choir")).id == made.id
    assert [each.user_id async for each in ada.members.list("choir")] == sorted([home.ada.id, home.ben.id])
    assert (await ada.members.set_role("choir", home.ben.id, Role.GUEST)).role is Role.GUEST
    assert len(await ada.members.presence("choir")) == 2
    await ada.members.remove("choir", home.ben.id)
    bot = await home.chat.users.create(email="bot@example.org", display_name="Bot", is_bot=True)
    await home.chat.members.add(made.id, bot)
    token = await ada.tokens.create("choir", bot.id, name="ci", scopes=[TokenScope.MESSAGES_WRITE], expires_in=60)
    assert token.secret.startswith("cct_")
    await ada.tokens.revoke("choir", bot.id, token.token.id)
    (listed,) = await ada.tokens.list("choir", bot.id)
    assert (listed.scopes, listed.revoked_at is not None) == ((TokenScope.MESSAGES_WRITE,), True)
    invite = await ada.invites.create("choir", expires_in=60, max_uses=1)
    assert [each.id for each in await ada.invites.list("choir")] == [invite.id]
    assert (await ben.invites.accept(invite.token)).role is Role.MEMBER
    await ada.invites.revoke(invite.id)
    assert "member.removed" in {entry.action for entry in await ada.audit.list("choir")}
    with pytest.raises(NotFound):
        await ben.workspaces.get("nowhere")


async def life_of_a_channel(home: House, ada: Client, ben: Client) -> None:
    room = await ada.channels.create("team", name="room", type=ChannelType.PUBLIC, members=[home.ben.id])
    with pytest.raises(Duplicate):
        await ada.channels.create("team", name="room")
    assert [each.name for each in await ben.channels.list("team")] == ["general", "room"]
    assert (await ada.channels.update(room.id, description="Ours", name=KEEP)).description == "Ours"
    await ben.channels.leave(room.id)
    assert len((await ben.channels.join(room.id)).members) == 2
    await ada.channels.remove_member(room.id, home.ben.id)
    await ada.channels.add_member(room.id, home.ben.id)
    assert len((await ben.channels.get(room.id)).members) == 2
    assert (await ada.channels.archive(room.id)).archived_at is not None
    pair = await ben.channels.direct("team", [home.ada.id])
    assert (await ada.channels.direct("team", [home.ben.id])).id == pair.id


async def life_of_messages(home: House, ada: Client, ben: Client) -> None:
    general = home.general.id
    sent = await ben.messages.send(general, "a needle", temp_id="one")
    assert (await ben.messages.send(general, "a needle", temp_id="one")).id == sent.id
    await ben.messages.send(general, "an answer", thread_id=sent.id)
    assert (await ada.channels.mark_read(general, sent.id)).unread_count == 0
    assert (await ben.messages.edit(sent.id, "the needle")).content == "the needle"
    assert (await ada.messages.get(sent.id)).thread_reply_count == 1
    assert [each.content for each in (await ada.messages.thread(sent.id)).messages] == ["an answer"]
    assert len((await ada.messages.react(sent.id, "👍")).reactions) == 1
    await ada.messages.unreact(sent.id, "👍")
    assert [each.id for each in (await ada.messages.search("team", "needle")).results] == [sent.id]
    assert [each.id async for each in ada.messages.all(general)] == [sent.id]
    assert len((await ada.messages.history(general, limit=1)).messages) == 1
    await ben.messages.delete(sent.id)
    assert len(await ada.messages.emoji_presets()) > 0


async def life_of_a_huddle(home: House, ada: Client, ben: Client) -> None:
    begun = await ada.huddles.start(home.general.id, title="Standup")
    assert (await ben.huddles.active(home.general.id)).id == begun.id
    assert len((await ben.huddles.join(begun.id)).participants) == 2
    assert (await ben.huddles.get(begun.id)).title == "Standup"
    assert (await ben.huddles.set_state(begun.id, muted=True, hand_raised=True)).hand_raised
    assert (await ada.huddles.mute(begun.id, (await ben.me()).id)).muted
    assert (await ada.huddles.update(begun.id, title="Later")).title == "Later"
    assert (await ada.huddles.stats(begun.id)).legs == ()
    assert await ada.huddles.ice_servers() == ()
    await ada.huddles.stop_recording(begun.id)
    with pytest.raises(Forbidden):  # its media goes from peer to peer
        await ada.huddles.start_recording(begun.id)
    with pytest.raises(Forbidden):
        await ben.huddles.decline(begun.id)
    await ben.huddles.choose_videos(begun.id, [((await ada.me()).id, "camera")])
    with pytest.raises(Forbidden):
        await ada.huddles.ring(begun.id)
    await ben.huddles.leave(begun.id)
    await ben.huddles.join(begun.id, device_id="phone")
    await ada.huddles.remove(begun.id, (await ben.me()).id)


async def life_of_a_session(nobody: Client) -> None:
    made = await nobody.sessions.register("eve@example.org", PASSWORD, first_name="Eve", last_name="E")
    again = await nobody.sessions.refresh(made.refresh_token)
    await nobody.sessions.sign_out(again.refresh_token)
    with pytest.raises(InvalidCredentials):
        await nobody.sessions.sign_in("eve@example.org", "wrong")
    assert (await nobody.sessions.sign_in("eve@example.org", PASSWORD)).user.display_name == "Eve E"
    async with open_client(nobody.url, email="eve@example.org", password=PASSWORD) as eve:
        eve.api.http.event_hooks = nobody.api.http.event_hooks
        await eve.sessions.change_password(PASSWORD, "another good one")
        await eve.sessions.sign_out_everywhere()
