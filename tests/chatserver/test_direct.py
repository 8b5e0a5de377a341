"""The short way: what goes it, what does not, and who hangs up on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from quart import Response
from quart_trio import QuartTrio
from tests.chatserver.api import Team

from chatcore import Chat
from chatserver.app import create_app
from chatserver.logs import REQUEST_ID


async def ask(app: Any, path: str, *said: dict[str, Any], **scope: Any) -> list[dict[str, Any]]:
    """What the application sends to a request whose client says this."""
    sent: list[dict[str, Any]] = []
    messages: Iterator[dict[str, Any]] = iter((*said, {"type": "http.disconnect"}))

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"chat.example.org")],
        "client": ("192.0.2.1", 4711),
        "server": ("192.0.2.2", 80),
        "state": {},
        "extensions": {},
        **scope,
    }
    await app(whole, receive, send)
    return sent


def framework_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise AssertionError("the web framework was asked")

    monkeypatch.setattr(QuartTrio, "handle_request", broken)


async def test_a_route_is_answered_without_the_web_framework(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(chat)
    framework_out_of_order(monkeypatch)
    start, body = await ask(app, "/api/health")
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(body["body"])
    assert REQUEST_ID.get() is None


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request"])
async def test_who_watches_every_request_sees_every_request(chat: Chat, hook: str) -> None:
    app, seen = create_app(chat), []

    async def before() -> None:
        seen.append(hook)

    async def after(response: Response) -> Response:
        seen.append(hook)
        return response

    register: Callable[[Any], Any] = getattr(app, hook)
    register(before if hook == "before_request" else after)
    assert (await (await app.test_client().get("/api/health")).get_json())["status"] == "ok"
    assert seen == [hook]


async def test_an_application_of_one_s_own_keeps_its_way(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(chat, app=QuartTrio("mine"))
    framework_out_of_order(monkeypatch)
    with pytest.raises(BaseExceptionGroup):
        await ask(app, "/api/health")


async def test_who_leaves_within_the_body_gets_no_answer(team: Team, chat: Chat) -> None:
    headers = [(b"authorization", f"Bearer {team.member.token}".encode()), (b"content-type", b"application/json")]
    half = {"type": "http.request", "body": b'{"content": "x"}', "more_body": True}
    path = f"/api/channels/{team.general.id}/messages"
    assert await ask(create_app(chat), path, half, method="POST", headers=headers) == []
    assert not (await chat.messages.history(team.general, actor=team.member.id)).messages


async def test_repeated_headers_are_one_list(team: Team, chat: Chat) -> None:
    token = f"Bearer {team.member.token}".encode()
    once, twice = [(b"authorization", token)], [(b"authorization", token), (b"authorization", b"Bearer other")]
    app = create_app(chat)
    statuses = [(await ask(app, "/api/users/me", headers=headers))[0]["status"] for headers in (once, twice)]
    assert statuses == [200, 401]
