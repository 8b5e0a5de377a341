"""22. schemathesis over the OpenAPI document with a signed-in member: no server error, no breach of the schema.

Generated ids lead nowhere, so half of the requests get ids that are there: the depth of the server is tried, not only
its door.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

import attrs
import hypothesis
import pytest
import schemathesis
import trio
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.programme.process import PASSWORD, Person, Server, make_team

from chatserver.rest import ROUTES
from chatserver.route import Route

pytestmark = [pytest.mark.programme, pytest.mark.slow]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]
SENT_AS_MADE = (ParameterLocation.PATH, ParameterLocation.QUERY, ParameterLocation.BODY)
"""Parts of a request that go out as they were generated. The headers do not: the test signs in."""
FORMS = {
    "slug": r"[a-z0-9-]{1,100}",
    "token": r"[A-Za-z0-9_.~+/=-]+",
    "emoji": r"[^\x00- /\x7f-\xa0\u2028\u2029]{1,50}",
}
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ENDING = ("/api/auth/logout", "/api/auth/logout-all")
"""Operations after which the session that asked for them is over: each gets one of its own."""
GOOD, BAD = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
TRIED = [
    pytest.param(route, mode, id=f"{route.name}-{mode.value}")
    for route in ROUTES
    for mode in (GOOD, BAD)
    if mode is GOOD or route.parameters or route.query or route.body
]
"""What takes nothing cannot be asked badly."""


@attrs.frozen
class World:
    """A running server, the member who asks, and ids of what the member can see, by parameter name."""

    server: Server
    member: Person
    ids: dict[str, list[str]]


async def furnish(server: Server) -> World:
    await server.start()
    team = await make_team(server)
    owner, member = team.owner, team.other
    channel = await member.ask("POST", "/api/workspaces/team/channels", {"name": "mine", "type": "private"})
    direct = await member.ask("POST", "/api/workspaces/team/directs", {"userIds": [owner.id]})
    archived = await member.ask("POST", "/api/workspaces/team/channels", {"name": "old", "type": "public"})
    channels = [team.general, channel["id"], direct["id"], archived["id"]]
    messages = []
    for channel_id in channels:
        for number in range(3):
            body = {"content": f"message {number}, for the search"}
            messages.append((await member.ask("POST", f"/api/channels/{channel_id}/messages", body))["id"])
    body = {"content": "a reply", "threadId": messages[0]}
    await member.ask("POST", f"/api/channels/{channels[0]}/messages", body)
    await member.ask("POST", f"/api/channels/{archived['id']}/archive")
    huddle = await member.ask("POST", f"/api/channels/{direct['id']}/huddles", {})
    invite = await member.ask("POST", "/api/workspaces/team/invites", {})
    ids = {
        "slug": ["team"],
        "channelId": channels,
        "messageId": messages,
        "userId": [owner.id],
        "huddleId": [huddle["id"]],
        "inviteId": [invite["id"]],
        "token": [invite["token"]],
        "emoji": ["👍", ":+1:"],
    }
    return World(server, member, ids)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = Server(tmp_path_factory.mktemp("schemathesis"))
    try:
        yield trio.run(furnish, server)
    finally:
        trio.run(server.kill)


@pytest.fixture(scope="module")
def api(world: World) -> Any:
    schema = schemathesis.openapi.from_url(f"{world.server.url}/api/openapi.json")

    @schema.hook
    def map_path_parameters(_: Any, generated: dict[str, Any] | None) -> dict[str, Any] | None:
        return _with_real_ids(generated, world.ids)

    @schema.hook
    def map_query(_: Any, generated: dict[str, Any] | None) -> dict[str, Any] | None:
        return _with_real_ids(generated, {"channelId": world.ids["channelId"], "before": world.ids["messageId"]})

    @schema.hook
    def map_body(_: Any, generated: Any) -> Any:
        messages = {"threadId": world.ids["messageId"], "messageId": world.ids["messageId"]}
        return _with_real_ids(generated, messages) if isinstance(generated, dict) else generated

    return schema


def _with_real_ids(generated: Any, ids: dict[str, list[str]]) -> Any:
    if not generated:
        return generated
    # What breaks the schema stays as it is: with an id in its place, the request would be a good one.
    known = {name for name, value in generated.items() if name in ids and _is_well_formed(name, value)}
    choose = random.Random(repr(sorted(generated.items(), key=repr)))
    if choose.random() < 0.5:
        return generated
    return {name: choose.choice(ids[name]) if name in known else value for name, value in generated.items()}


def _is_well_formed(name: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(FORMS.get(name, UUID), value) is not None


@pytest.mark.parametrize(("route", "mode"), TRIED)
def test_no_request_breaks_the_server_or_its_promise(
    api: Any, world: World, route: Route, mode: GenerationMode
) -> None:
    operation = api[route.template][route.method]

    @hypothesis.settings(
        max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: schemathesis.Case) -> None:
        token = trio.run(_another_session, world) if route.path in ENDING else world.member.token
        wrong = case.meta is not None and any(case.meta.is_negative_at(part) for part in SENT_AS_MADE)
        checks = CHECKS if wrong or mode is GOOD else [each for each in CHECKS if each is not negative_data_rejection]
        case.call_and_validate(checks=checks, headers={"Authorization": f"Bearer {token}"})

    attempt()


async def _another_session(world: World) -> str:
    server = Server(world.server.folder, port=world.server.port)
    async with server.http:
        answer = await server.http.post(
            f"{server.url}/api/auth/login", json={"email": world.member.email, "password": PASSWORD}
        )
        return str(answer.json()["accessToken"])
