"""The plain lane: the gateway behind any ASGI server, and over HTTP/2.

The server behind it frames, pings and keeps RFC 6455; a task writes to it, because its `send` waits.
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio

from chatcore.errors import ChatError
from chatserver.gateway.gateway import Gateway
from chatserver.gateway.opening import Request
from chatserver.net import refusal
from chatserver.net.batch import Batch
from chatserver.net.socket import (
    BROKEN,
    FRAME_LIMIT,
    LINGER_SECONDS,
    NOT_TEXT,
    QUEUE_LIMIT,
    STALL_SECONDS,
    TOO_LARGE,
    TOO_SLOW,
    Inbound,
)

PATH = "/api/realtime"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
SendMessage = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, SendMessage], Awaitable[None]]

_LOW_WATER = 64 * 1024


class AsgiSocket:
    """See `Socket`. `write_out` must be running."""

    can_ping = False

    def __init__(self, receive: Receive, send: SendMessage) -> None:
        self._receive, self._send = receive, send
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._goodbye: Message | None = None
        self._closed = False
        self._news = trio.Event()
        self._drained = trio.Event()
        self._until = math.inf
        """How long there is any use in reading."""
        self._reading: trio.CancelScope | None = None
        self.close_code = 0

    @property
    def queued(self) -> int:
        return self._queued

    def write(self, batch: Batch) -> None:
        if self._goodbye is not None or self._closed:
            return
        self._queue.append(batch)
        self._queued += batch.size
        self._news.set()
        if self._queued > QUEUE_LIMIT:
            self._queue.clear()
            self.close(TOO_SLOW, "too slow: resume with your cursor")

    def ping(self) -> None:
        raise NotImplementedError("ASGI has no pings: the server behind it sends them")

    def close(self, code: int, reason: str) -> None:
        if self._goodbye is None and not self._closed:
            self.close_code = self.close_code or code
            self._goodbye = {"type": "websocket.close", "code": int(code), "reason": reason}
            self._news.set()
            self._drained.set()

    async def drained(self) -> None:
        await trio.lowlevel.checkpoint()
        while self._queued > _LOW_WATER and not self.close_code:
            self._drained = trio.Event()
            await self._drained.wait()

    async def receive(self) -> Inbound | None:
        while not self._closed:
            with trio.CancelScope(deadline=self._until) as self._reading:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    self._end(int(message.get("code") or BROKEN))
                elif self._goodbye is None:
                    return self._read(message)
            if self._reading.cancelled_caught:
                self._end(BROKEN)
        return None

    def _read_until(self, when: float) -> None:
        self._until = when
        if self._reading is not None:
            self._reading.deadline = when

    def _read(self, message: Message) -> Inbound:
        text = message.get("text")
        if not isinstance(text, str):
            self.close(NOT_TEXT, "send text frames: one JSON object each")
            return Inbound()
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if size > FRAME_LIMIT:
            self.close(TOO_LARGE, f"a message may have {FRAME_LIMIT} bytes")
            return Inbound()
        return Inbound((text,), frames=1, size=size)

    def _end(self, code: int) -> None:
        self._closed = True
        self.close_code = self.close_code or code
        self._read_until(-math.inf)
        self._news.set()
        self._drained.set()

    async def write_out(self) -> None:
        """The writer: until the socket is closed."""
        while not self._closed:
            while self._queue and not self._closed:
                batch = self._queue.popleft()
                for text in batch.strings:
                    await self._put({"type": "websocket.send", "text": text})
                self._queued -= batch.size
                if self._queued <= _LOW_WATER:
                    self._drained.set()
            if self._goodbye is not None:
                break
            self._news = trio.Event()
            await self._news.wait()
        if self._goodbye is not None and not self._closed:
            await self._put(self._goodbye)
            self._read_until(trio.current_time() + LINGER_SECONDS)

    async def _put(self, message: Message) -> None:
        if self._closed:
            return
        with trio.move_on_after(STALL_SECONDS) as patience:
            try:
                await self._send(message)
            except Exception:
                # Whatever the server behind us raises when its peer is gone: the end is all that it says.
                self._end(BROKEN)
        if patience.cancelled_caught:
            self._end(TOO_SLOW)


class RealtimeApp:
    """An ASGI application with `/api/realtime` in front of it."""

    def __init__(self, app: App, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        if scope["type"] == "websocket" and scope["path"] == PATH:
            await self._connection(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _connection(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        peer = (scope.get("client") or ("unix",))[0]
        await receive()
        try:
            request = Request(headers=scope["headers"], peer=str(peer), scheme=scope.get("scheme", "ws"))
            admission = await self._gateway.admit(request)
        except ChatError as error:
            await refusal.over_asgi(scope, send, error, self._gateway.chat.clock.now())
            return
        await send({"type": "websocket.accept"})
        socket = AsgiSocket(receive, send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.write_out)
            await self._gateway.serve(socket, admission)
            nursery.cancel_scope.cancel()
