"""The short way of a request: from ASGI to its route, past the web framework.

The framework's own part (contexts, a nursery with two tasks, request and response objects) takes as long as all the
rest of a request. What it does for the routes of the table is little: it finds them. So they are found here; every
other address, and every other method, HEAD and OPTIONS among them, is the framework's.

Nobody watches over the connection while a handler runs: its work is short, and is done even if the client has left.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from quart import Quart

from chatserver.asked import Answer, Asked, Departed
from chatserver.edge import Edge
from chatserver.logs import REQUEST_ID
from chatserver.tree import RouteTree

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Direct:
    """An ASGI application in front of `app`, on which `edge` is mounted."""

    def __init__(self, edge: Edge, app: Quart) -> None:
        self._edge = edge
        self._app = app
        self._inner = app.asgi_app
        self._tree = RouteTree(edge.parts.routes)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path") and not self._is_watched():
            found = self._tree.find(scope["method"], scope["path"])
            if found is not None:
                try:
                    answer = await self._edge.answer(found[0], Asked.of(scope, _Body(receive)), found[1])
                except Departed:
                    return
                finally:
                    REQUEST_ID.set(None)
                await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
                await send({"type": "http.response.body", "body": answer.body})
                return
        await self._inner(scope, receive, send)

    def _is_watched(self) -> bool:
        """Whether somebody wants to see every request of the web application."""
        app = self._app
        return bool(app.before_request_funcs or app.after_request_funcs or app.teardown_request_funcs)


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    headers.append((b"content-type", answer.content_type.encode()))
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    return headers


class _Body:
    """The body of a request, in pieces; of one that is too large the rest is left. Raises Departed."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Departed
            self._more = message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            if piece:
                return piece
        raise StopAsyncIteration
