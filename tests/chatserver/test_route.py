"""The table of endpoints."""

import inspect
import re

import attrs
import pytest

from chatcore.ids import UserId
from chatcore.model import TokenScope
from chatserver.parts import Call
from chatserver.rest import ROUTES
from chatserver.route import ANY_TOKEN, Auth, Route, route


@attrs.frozen(kw_only=True)
class Wish:
    text: str


async def make_wish(call: Call, user_id: UserId, body: Wish, query: Wish) -> Wish:
    """Make a wish.

    It may come true.
    """
    return body


def test_a_line_is_read_from_its_handler() -> None:
    line = route("POST", "/api/users/:userId/wishes", make_wish, needs=TokenScope.ADMIN, status=201)
    assert line.needs == (TokenScope.ADMIN,)
    assert (line.name, line.body, line.query, line.answer) == ("makeWish", Wish, Wish, Wish)
    assert [(part.name, part.argument, part.type) for part in line.parameters] == [("userId", "user_id", UserId)]
    assert line.rule == "/api/users/<userId>/wishes"
    assert line.template == "/api/users/{userId}/wishes"
    assert line.doc == "Make a wish.\n\nIt may come true."


@pytest.mark.parametrize("path", ["/api/wishes", "/api/:user/wishes", "/api/:userId/:other"])
def test_path_and_arguments_must_match(path: str) -> None:
    with pytest.raises(TypeError, match="the handler takes"):
        route("POST", path, make_wish, needs=ANY_TOKEN)


def test_what_a_token_needs_is_said_where_one_is_signed_in_and_only_there() -> None:
    with pytest.raises(TypeError, match="what a bot's token needs"):
        route("POST", "/api/users/:userId/wishes", make_wish)
    with pytest.raises(TypeError, match="what a bot's token needs"):
        route("POST", "/api/users/:userId/wishes", make_wish, auth=Auth.NOBODY, needs=TokenScope.ADMIN)


def test_names_and_addresses_are_unique() -> None:
    assert len({line.name for line in ROUTES}) == len(ROUTES)
    assert len({(line.method, re.sub(":[A-Za-z]+", ":", line.path)) for line in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("line", ROUTES, ids=lambda line: line.name)
def test_every_endpoint_says_what_it_does_and_who_may(line: Route) -> None:
    assert line.doc.splitlines()[0].endswith("."), "the summary is one sentence"
    assert inspect.iscoroutinefunction(line.handler)
    assert line.path.startswith("/api/") or line.path == "/metrics"
    if line.changes and line.auth is not Auth.SIGNED_IN:
        assert line.path.startswith("/api/auth/"), "only signing in and out is open to all"
    if line.status == 204:
        assert line.answer is None


def test_every_endpoint_of_the_specification_and_the_protocol_is_there() -> None:
    there = {(line.method, re.sub(":[A-Za-z]+", ":x", line.path)) for line in ROUTES}
    for text in SPECIFIED.split("\n"):
        if text:
            method, path = text.split()
            assert (method, path) in there


SPECIFIED = """
POST /api/auth/register
POST /api/auth/login
POST /api/auth/refresh
POST /api/auth/logout
POST /api/auth/logout-all
POST /api/auth/password
GET /api/users/me
PATCH /api/users/me
GET /api/workspaces
POST /api/workspaces
GET /api/workspaces/:x
PUT /api/workspaces/:x
POST /api/workspaces/:x/join
GET /api/workspaces/:x/members
PATCH /api/workspaces/:x/members/:x
DELETE /api/workspaces/:x/members/:x
POST /api/workspaces/:x/invites
POST /api/invites/:x/accept
GET /api/workspaces/:x/channels
POST /api/workspaces/:x/channels
POST /api/workspaces/:x/directs
GET /api/channels/:x
PATCH /api/channels/:x
POST /api/channels/:x/archive
POST /api/channels/:x/join
POST /api/channels/:x/leave
PUT /api/channels/:x/members/:x
DELETE /api/channels/:x/members/:x
GET /api/channels/:x/messages
POST /api/channels/:x/messages
GET /api/messages/:x
PUT /api/messages/:x
DELETE /api/messages/:x
GET /api/messages/:x/thread
POST /api/messages/:x/reactions
DELETE /api/messages/:x/reactions/:x
PUT /api/channels/:x/read
GET /api/workspaces/:x/search
POST /api/channels/:x/huddles
GET /api/channels/:x/huddles/active
GET /api/huddles/:x
POST /api/huddles/:x/join
DELETE /api/huddles/:x/leave
GET /api/health
GET /api/health/ready
GET /api/openapi.json
GET /metrics
"""
