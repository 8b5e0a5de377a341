"""A server that notes every request that reaches its application, and answers it with what it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio
from tests.conformance.echoing import EchoGateway

from chatserver.net.server import serve_listeners

IGNORES = "/ignores"
"""A path whose handler answers without reading the body."""


@attrs.frozen
class Seen:
    """A request as the application saw it."""

    method: str
    path: str
    body: bytes
    headers: dict[bytes, bytes]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body.decode('latin-1')}".rstrip()


class Recorder:
    """The application."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                message = await receive()
                await send({"type": message["type"] + ".complete"})
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4404})
        elif (body := await _body(scope, receive)) is not None:
            seen = Seen(scope["method"], scope["path"], body, dict(scope["headers"]))
            self.seen.append(seen)
            answer = str(seen).encode("latin-1", "replace")
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"%d" % len(answer))],
                }
            )
            await send({"type": "http.response.body", "body": answer})


async def _body(scope: Any, receive: Any) -> bytes | None:
    """None when it does not come to an end."""
    body, more = b"", scope["path"] != IGNORES
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        more = message["more_body"]
    return body


@asynccontextmanager
async def recording(**options: Any) -> AsyncIterator[tuple[int, Recorder]]:
    """The port of a running server, and what it sees."""
    gateway: Any = EchoGateway()
    recorder = Recorder()
    async with trio.open_nursery() as nursery:
        serve = partial(serve_listeners, recorder, gateway, host="127.0.0.1", port=0, **options)
        yield await nursery.start(serve), recorder
        nursery.cancel_scope.cancel()
