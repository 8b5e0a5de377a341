"""The tables of docs/reference/permissions.md, cell by cell, over HTTP and over sockets."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import orjson
import pytest
from tests.programme.calls import Request, by_creator, elsewhere, in_channel, needs_huddle
from tests.programme.inside import PASSWORD, Inside, Person, inside
from tests.programme.scenes import PLACES, Scene, World, make_scene, make_world, path_of
from tests.programme.table import Call, Row, Section, calls_of, read_page

from chatcore.model import Role
from chatcore.service import huddle_devices, huddle_keeper
from chatserver.gateway.frames import FRAMES
from chatserver.net.asgi import PATH
from chatserver.rest import ROUTES

pytestmark = pytest.mark.programme

SECTIONS = read_page()
IN_WORKSPACE = [section for section in SECTIONS if not section.rows[0].place]
IN_CHANNEL = [section for section in SECTIONS if section.rows[0].place]
PEOPLE = ("signed out", *Role, "bot", "former member", "closed account")
OPEN_SOCKET = f"GET {PATH}"
_OUTCOMES = {401: "sign in", 403: "no", 404: "hidden"}
_CODES = {
    "UNAUTHORIZED": "sign in",
    "INVALID_CREDENTIALS": "sign in",
    "INSUFFICIENT_PERMISSIONS": "no",
    "WORKSPACE_ACCESS_DENIED": "no",
    "RESOURCE_NOT_FOUND": "hidden",
}


def titled(sections: list[Section]) -> Any:
    return pytest.mark.parametrize("section", sections, ids=lambda section: section.title.replace(" ", "-"))


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    # On a slow machine people would have left, and huddles ended, before all calls are made: nobody asked for that.
    for module, name in ((huddle_devices, "REJOIN"), (huddle_devices, "REQUEST"), (huddle_keeper, "GRACE")):
        monkeypatch.setattr(module, f"{name}_SECONDS", 3600.0)
    async with inside() as server:
        yield await make_world(server)


@attrs.frozen
class Answer:
    """How a call ended; `said` is what must not differ from what is said of something that does not exist."""

    outcome: str
    said: Any = None
    data: Any = None


# --- nothing is missing ----------------------------------------------------------------------------------------------


def test_every_endpoint_and_every_frame_is_in_the_tables_and_nothing_else() -> None:
    named = {call.name for call in calls_of(SECTIONS)}
    there = {f"{route.method} {route.path}" for route in ROUTES} | set(FRAMES)
    assert named == there


def test_every_kind_of_person_and_of_place_is_in_the_tables() -> None:
    for section in SECTIONS:
        for row in section.rows:
            assert set(row.outcomes) == set(PEOPLE), row.call
    for section in IN_CHANNEL:
        if not any(by_creator(call) for call in section.calls):
            for call in section.calls:
                assert sorted(row.place for row in section.rows if row.call == call) == sorted(PLACES), call


# --- the cells -------------------------------------------------------------------------------------------------------


@titled(IN_WORKSPACE)
async def test_outside_of_channels(section: Section, world: World) -> None:
    wrong: list[str] = []
    for row in section.rows:
        for kind, expected in row.outcomes.items():
            person = await somebody(world, kind, password=row.call.name.startswith("POST /api/auth/"))
            await depart(world, person)
            request = await elsewhere(row.call, world, person)
            wrong += await tried(world, person, row, expected, request)
    assert not wrong, "\n".join(wrong)


@titled(IN_CHANNEL)
async def test_in_channels(section: Section, world: World) -> None:
    wrong: list[str] = []
    for kind in PEOPLE:
        person = await somebody(world, kind)
        # Those who cannot change anything share their places, which they were in before they left.
        as_member = person if person.user is not None else await somebody(world, "member")
        scenes = {
            _key(row): await make_scene(
                world, as_member, row.place, creator=by_creator(row.call), huddle=needs_huddle(row.call)
            )
            for row in {_key(row): row for row in section.rows}.values()
        }
        await depart(world, person)
        for row in section.rows:
            expected = row.outcomes[kind]
            scene = scenes[_key(row)]
            if expected == "yes" and changes(row.call):
                creator, huddle = by_creator(row.call), needs_huddle(row.call)
                scene = await make_scene(world, person, row.place, creator=creator, huddle=huddle)
            request = in_channel(row.call, world, scene, as_member)
            wrong += await tried(world, person, row, expected, request, scene)
    assert not wrong, "\n".join(wrong)


def changes(call: Call) -> bool:
    """Whether it leaves another place behind."""
    return not call.name.startswith("GET ")


def _key(row: Row) -> tuple[str, bool, bool]:
    return row.place, by_creator(row.call), needs_huddle(row.call)


async def somebody(world: World, kind: str, *, password: bool = False) -> Person:
    """A fresh person of a kind; those who are to go are still there."""
    if kind == "signed out":
        return Person(kind)
    secret = PASSWORD if password and kind != "bot" else None
    return await world.server.member(world.team.id, kind, password=secret)


async def depart(world: World, person: Person) -> None:
    """Who is to go goes."""
    chat = world.server.chat
    if person.kind == "former member":
        await chat.members.remove(world.team, person.id, actor=world.host.id)
    elif person.kind == "closed account":
        await chat.users.deactivate(person.id)


async def tried(
    world: World, person: Person, row: Row, expected: str, request: Request, scene: Scene | None = None
) -> list[str]:
    """What is wrong with the answer."""
    where = f"{row.call}{' | ' + row.place if row.place else ''} | {person.kind}"
    before = await world.logs()
    answer = await call(world.server, person, row.call, request)
    outcome = answer.outcome
    if outcome == "yes" and scene is not None and not _shows(row.call, answer.data, scene):
        outcome = "hidden"
    if expected == "none" and outcome == "hidden":
        nothing = await call(world.server, person, row.call, request.of_nothing())
        outcome = "none" if nothing.said != answer.said else "hidden"
    if outcome != expected:
        return [f"{where}: {outcome}, not {expected}: {answer.said or ''}"]
    if outcome == "yes":
        return []
    wrong = []
    if await world.logs() != before:
        wrong.append(f"{where}: refused, and yet something has changed")
    if expected == "hidden" and answer.outcome == "hidden":
        nothing = await call(world.server, person, row.call, request.of_nothing())
        if nothing.said != answer.said:
            wrong.append(f"{where}: {answer.said}, but of what does not exist: {nothing.said}")
    return wrong


def _shows(call: Call, data: Any, scene: Scene) -> bool:
    """Whether a list, which everyone may ask for, shows this channel."""
    if call.case == "lists it":
        return scene.channel_id in [each["id"] for each in data["channels"]]
    if call.case == "finds its messages":
        return scene.channel_id in [each["channelId"] for each in data["results"]]
    return True


# --- calling ---------------------------------------------------------------------------------------------------------


async def call(server: Inside, person: Person, call: Call, request: Request) -> Answer:
    """Make the call, and read its outcome."""
    if call.name in FRAMES:
        return await _over_socket(server, person, call.name, request.data or {})
    if call.name == OPEN_SOCKET:
        answer = await _over_socket(server, person, "nothing that is known", {})
        return Answer("yes") if answer.outcome == "?" else answer
    method, _, template = call.name.partition(" ")
    path = path_of(template, request.path)
    if method == "GET" and request.data is not None:
        path += "?" + "&".join(f"{name}={value}" for name, value in request.data.items())
    response = await server.rest(person, method, path, None if method == "GET" else request.data)
    data = response.json() if response.content and "json" in response.headers["content-type"] else None
    if response.is_success:
        return Answer("yes", data=data)
    error = {name: value for name, value in data["error"].items() if name not in ("timestamp", "requestId")}
    return Answer(_OUTCOMES.get(response.status_code, "?"), (response.status_code, error))


async def _over_socket(server: Inside, person: Person, type_: str, data: dict[str, Any]) -> Answer:
    client = await server.socket(person)
    try:
        await client.say(type_, "try", **data)
        while (text := await client.receive()) is not None:
            reply = orjson.loads(text)
            if reply.get("id") == "try":
                return Answer("yes") if reply["ok"] else Answer(_CODES.get(reply["error"]["code"], "?"), reply["error"])
        return Answer("sign in" if client.close_code == 4401 else f"closed with {client.close_code}")
    finally:
        await client.aclose()
