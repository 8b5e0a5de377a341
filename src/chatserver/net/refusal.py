"""No to a request for a socket, in the form of every other error of the API."""

from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from chatcore.errors import ChatError
from chatcore.ids import uuid7
from chatserver import problems
from chatserver.headers import security_headers

Message = MutableMapping[str, Any]


def response(error: ChatError, now: datetime) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body."""
    request_id = uuid7(int(now.timestamp() * 1000))
    body = problems.body_of(error, now=now, request_id=request_id)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Request-Id", request_id),
        *problems.headers_of(error),
        *security_headers(False),
    ]
    return error.status, [(name.lower().encode(), value.encode()) for name, value in headers], body


def over_tcp(error: ChatError, now: datetime, extra: bytes = b"") -> bytes:
    """A whole HTTP/1.1 answer; `extra`: further header lines."""
    status, headers, body = response(error, now)
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    phrase = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\n%b%bConnection: close\r\n\r\n%b" % (status, phrase, lines, extra, body)


async def over_asgi(
    scope: Message, send: Callable[[Message], Awaitable[None]], error: ChatError, now: datetime
) -> None:
    """Refuse a WebSocket that was not accepted yet."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4403})
        return
    status, headers, body = response(error, now)
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
