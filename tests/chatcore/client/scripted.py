"""A server that does what a test says, for faults that a good server does not commit."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import orjson
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

WORKSPACE = "01900000-0000-7000-8000-000000000001"
CHANNEL = "01900000-0000-7000-8000-000000000002"


@attrs.frozen
class Reply:
    """One HTTP answer; None stands for a connection that is cut instead."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        body = b"" if self.body is None else self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(status: int, code: str = "X", message: str = "no", **headers: str) -> Reply:
    """An error as the server words it."""
    return Reply(status, {"error": {"code": code, "message": message}}, tuple(headers.items()))


@attrs.frozen
class Asked:
    """A request that came in."""

    line: str
    authorization: str | None
    body: Any


@asynccontextmanager
async def http_server(replies: Sequence[Reply | None]) -> AsyncIterator[tuple[str, list[Asked]]]:
    """Answers one request after the other with these; the address, and what was asked."""
    left, asked = list(replies), list[Asked]()

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            asked.append(await _read_request(stream))
            reply = left.pop(0)
            if reply is not None:
                await stream.send_all(reply.encode())

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}", asked
        nursery.cancel_scope.cancel()


async def _read_request(stream: trio.SocketStream) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some()
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += await stream.receive_some()
    return Asked(line, headers.get("authorization"), orjson.loads(body) if body else None)


Act = Callable[["Socket"], Awaitable[None]]


@attrs.define
class Socket:
    """One connection, from the side of the server."""

    raw: WebSocketConnection
    authorization: str
    join: dict[str, Any]

    async def say(self, frame: dict[str, Any]) -> None:
        await self.raw.send_message(orjson.dumps(frame).decode())

    async def joined(self, seq: int, *, epoch: str = "e1", resumed: bool = False) -> None:
        """Answer the join."""
        data = {"epoch": epoch, "seq": seq, "resumed": resumed}
        await self.say({"type": "reply", "id": self.join["id"], "ok": True, "data": data})

    async def event(self, seq: int, **data: Any) -> None:
        """Say that a message was sent."""
        message = {"id": f"m{seq}", "channelId": CHANNEL, "content": f"message {seq}", "seq": seq, **data}
        frame = {"type": "message_received", "workspaceId": WORKSPACE, "seq": seq, "data": {"message": message}}
        await self.say(frame)

    async def close(self, code: int, reason: str = "") -> None:
        await self.raw.aclose(code, reason)

    async def vanish(self) -> None:
        """As when a cable is cut."""
        await self.raw._stream.aclose()

    async def fall_silent(self) -> None:
        """As when the process hangs: the line is open, and nothing is said any more, not even a pong."""
        async with self.raw._stream_lock:
            await self.stay()

    async def stay(self) -> None:
        await trio.sleep_forever()


@asynccontextmanager
async def socket_server(
    acts: Sequence[Act], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[Socket]]]:
    """Plays one act for each connection; the address, and the connections."""
    left, seen = list(acts), list[Socket]()

    async def handle(request: WebSocketRequest) -> None:
        raw = await request.accept()
        await raw.send_message('{"type":"hello","data":{}}')
        headers = {name.lower(): value for name, value in request.headers}
        try:
            join = orjson.loads(await raw.get_message())
            socket = Socket(raw, headers.get(b"authorization", b"").decode(), join)
            seen.append(socket)
            await left.pop(0)(socket)
        except ConnectionClosed:
            pass

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, handle, "127.0.0.1", 0, ssl_context=tls))
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.port}", seen
        nursery.cancel_scope.cancel()
