"""What every request meets: ids, versions, bodies, methods, headers, crashes."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from quart_trio import QuartTrio
from tests.chatserver.api import Api, Document, Team

from chatcore import Chat, Config
from chatcore.errors import Unavailable
from chatserver.app import create_app
from chatserver.edge import BODY_SECONDS
from chatserver.rest import ROUTES
from chatserver.route import Auth, Route

JSON = {"Content-Type": "application/json"}


async def test_every_answer_has_a_request_id(api: Api) -> None:
    first, second = [(await api("GET", "/api/health")).headers["x-request-id"] for _ in range(2)]
    assert first != second
    mine = await api("GET", "/api/nowhere", headers={"X-Request-Id": "trace-7:a.b_c"})
    assert mine.headers["x-request-id"] == "trace-7:a.b_c"
    assert mine.data["error"]["requestId"] == "trace-7:a.b_c"


@pytest.mark.parametrize("sent", ["", "x" * 65, "two words", "<script>", "é", 'a"b'])
async def test_an_insane_request_id_is_replaced(api: Api, sent: str) -> None:
    answer = await api("GET", "/api/health", headers={"X-Request-Id": sent})
    assert uuid.UUID(answer.headers["x-request-id"]).version == 7


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json; version=1", 200),
        ("application/json;version=1", 200),
        ('application/json; version="1"', 200),
        ("APPLICATION/JSON; VERSION=1", 200),
        ("*/*", 200),
        ("text/html", 200),
        ("text/html; version=9, */*", 200),
        ("application/json; version=2, application/json; version=1", 200),
        ("application/json; version=2", 406),
        ("application/json; version=", 406),
        ("application/json; version=1.0", 406),
        ("*/*; version=99", 406),
    ],
)
async def test_versions(api: Api, accept: str, status: int) -> None:
    answer = await api("GET", "/api/health", headers={"Accept": accept})
    assert answer.status == status
    if status == 406:
        assert answer.code == "VALIDATION_FAILED"
        assert "version=1" in answer.data["error"]["message"]


async def test_security_headers_are_on_everything(team: Team) -> None:
    for path in ("/api/health", "/api/users/me", "/api/nowhere", "/nowhere", "/api/openapi.json", "/metrics"):
        answer = await team.api("GET", path, by=team.member)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/api/health", 405, "GET"),
        ("DELETE", "/api/workspaces/team", 405, "GET, PUT"),
        ("PUT", "/api/channels/x/messages", 405, "GET, POST"),
        ("GET", "/api", 404, None),
        ("GET", "/api/", 404, None),
        ("GET", "/api/health/", 404, None),
        ("GET", "/api//health", 404, None),
        ("GET", "/api/../etc/passwd", 404, None),
        ("GET", "/API/health", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/favicon.ico", 404, None),
        ("PATCH", "/api/no/such/thing", 404, None),
    ],
)
async def test_addresses_that_are_none(api: Api, method: str, path: str, status: int, allow: str | None) -> None:
    refused = await api(method, path)
    assert refused.status == status
    assert refused.code == ("RESOURCE_NOT_FOUND" if status == 404 else "VALIDATION_FAILED")
    assert refused.headers.get("allow") == allow
    assert refused.data["error"]["requestId"] == refused.headers["x-request-id"]
    assert refused.data["error"]["timestamp"].endswith("Z")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
async def test_methods_that_nothing_takes(chat: Chat, method: str) -> None:
    client = create_app(chat).test_client()
    refused = await client.open("/api/health", method=method)
    assert refused.status_code == 405
    assert "GET" in refused.headers["allow"]
    assert (await refused.get_json())["error"]["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'"text"', JSON, 400),
        (b"null", JSON, 400),
        (b"NaN", JSON, 400),
        (b'{"content": NaN}', JSON, 400),
        (b'{"content": "\\ud800"}', JSON, 400),
        (b'{"content": "\xff"}', JSON, 400),
        (b'\xef\xbb\xbf{"content": "bom"}', JSON, 400),
        (b'{"content": "a"} {"content": "b"}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"content":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, JSON, 400),
        (b'{"content": ' + b"9" * 100_000 + b"}", JSON, 400),
        (b'{"content": "a"}', {}, 415),
        (b'{"content": "a"}', {"Content-Type": "text/plain"}, 415),
        (b"content=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"content": "a"}', {"Content-Type": "application/json; charset=utf-8"}, 201),
        (b'{"content": "a", "content": "b"}', JSON, 201),
        (b'{"content": "' + b"x" * Config().max_body_size + b'"}', JSON, 413),
    ],
)
async def test_bodies_that_are_no_message(team: Team, raw: bytes, headers: dict[str, str], status: int) -> None:
    path = f"/api/channels/{team.general.id}/messages"
    answer = await team.api("POST", path, raw=raw, headers=headers, by=team.member)
    assert answer.status == status, answer.text[:300]
    if status != 201:
        assert answer.code == "VALIDATION_FAILED"


async def test_what_takes_no_body_takes_an_empty_object_only(team: Team) -> None:
    channel = await team.channel("open")
    path = f"/api/channels/{channel}/join"
    assert (await team.api("POST", path, {}, by=team.member)).status == 200
    refused = await team.api("POST", path, {"force": True}, by=team.member)
    assert (refused.status, refused.details) == (400, {"force": "is not a known field"})
    assert (await team.api("POST", path, raw=b"x", by=team.member)).status == 415


@pytest.mark.parametrize("query", ["x=1", "limit=5", "%ff=1", "a=%ff", "&".join(f"a{n}=1" for n in range(60))])
async def test_what_takes_no_query_takes_none(team: Team, query: str) -> None:
    refused = await team.api("GET", f"/api/users/me?{query}", by=team.member)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")


async def test_a_body_that_never_ends_is_refused(chat: Chat, autojump_clock: trio.testing.MockClock) -> None:
    client = create_app(chat).test_client()
    async with client.request("/api/auth/login", method="POST", headers=JSON) as connection:
        await connection.send(b'{"email": ')
        await trio.sleep(BODY_SECONDS + 1)
        assert connection.status_code == 408


# --- failures ------------------------------------------------------------------------------------------------------


@contextmanager
def broken(chat: Chat, error: BaseException) -> Iterator[None]:
    """While open, listing workspaces raises this."""

    class Broken:
        async def list(self, **_: Any) -> None:
            raise error

    kept, chat.workspaces = chat.workspaces, Broken()  # type: ignore[assignment]
    try:
        yield
    finally:
        chat.workspaces = kept


async def test_a_crash_tells_nothing_but_its_id(
    team: Team, chat: Chat, document: Document, caplog: pytest.LogCaptureFixture
) -> None:
    with broken(chat, ZeroDivisionError("secret detail")), pytest.raises(AssertionError, match="500 is undocumented"):
        await team.api("GET", "/api/workspaces", by=team.member)
    client = create_app(chat).test_client()
    with broken(chat, ZeroDivisionError("secret detail")):
        response = await client.get("/api/workspaces", headers={"Authorization": f"Bearer {team.member.token}"})
    body = await response.get_json()
    assert response.status_code == 500
    assert body["error"]["code"] == "INTERNAL_ERROR"
    assert "secret detail" not in await response.get_data(as_text=True)
    assert body["error"]["requestId"] == response.headers["x-request-id"]
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    "error", [Unavailable("The storage is away: try again."), ExceptionGroup("", [Unavailable("The storage is away.")])]
)
async def test_a_part_that_is_away_is_503(team: Team, chat: Chat, error: Exception) -> None:
    client = create_app(chat).test_client()
    with broken(chat, error):
        response = await client.get("/api/workspaces", headers={"Authorization": f"Bearer {team.member.token}"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert (await response.get_json())["error"]["code"] == "SERVICE_UNAVAILABLE"


async def test_cancellation_passes_even_beside_a_failure(team: Team, chat: Chat) -> None:
    async def fail_then_wait() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ZeroDivisionError

    class Hanging:
        async def list(self, **_: Any) -> None:
            await fail_then_wait()

    chat.workspaces = Hanging()  # type: ignore[assignment]
    with trio.move_on_after(0.2) as scope:
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            await team.api("GET", "/api/workspaces", by=team.member)
        raise caught.value
    assert scope.cancelled_caught


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.auth is Auth.SIGNED_IN], ids=lambda route: route.name
)
async def test_who_is_not_signed_in_gets_401_before_anything_else(api: Api, route: Route) -> None:
    path = route.path
    for parameter in route.parameters:
        path = path.replace(f":{parameter.name}", str(uuid.uuid4()))
    refused = await api(route.method, path, {"nonsense": True} if route.changes else None)
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")


async def test_head_answers_like_get_without_a_body(api: Api) -> None:
    answer = await api("HEAD", "/api/health")
    assert (answer.status, answer.text) == (200, "")


# --- an application of one's own -----------------------------------------------------------------------------------


@pytest.fixture
async def own_app(chat: Chat) -> AsyncIterator[QuartTrio]:
    app = QuartTrio("mine")

    @app.get("/hello")
    async def hello() -> str:
        return "mine"

    @app.errorhandler(404)
    async def lost(_: Exception) -> tuple[str, int]:
        return "my own 404", 404

    return create_app(chat, app=app)


async def test_a_host_s_application_is_extended_not_taken_over(own_app: QuartTrio) -> None:
    client = own_app.test_client()
    assert await (await client.get("/hello")).get_data(as_text=True) == "mine"
    assert await (await client.get("/nowhere")).get_data(as_text=True) == "my own 404"
    health = await client.get("/api/health")
    assert (await health.get_json())["status"] == "ok"
    missing = await client.get("/api/nowhere")
    assert (await missing.get_json())["error"]["code"] == "RESOURCE_NOT_FOUND"
    wrong = await client.put("/api/health")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
