"""HTTP through Hypercorn, hardened. The only file that touches its insides, which is why its minor version is pinned.

Its stock worker can be killed by one byte before sign-in, never gives up on a peer that does not read, buffers without
end after an oversized message, inflates without bounds and takes two framings of one request. Here each connection
contains what goes wrong in it, every write has a deadline, and what is not wanted is refused before Hypercorn sees it.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import FrameTooLargeError, WSStream
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from wsproto.connection import ConnectionState as WebSocketState
from wsproto.events import CloseConnection, Ping
from wsproto.events import Message as WebSocketMessage
from wsproto.frame_protocol import CloseReason

from chatcore.errors import ValidationFailed
from chatserver.net import refusal
from chatserver.net.asgi import App, Message
from chatserver.net.socket import FRAME_LIMIT
from chatserver.net.socket import STALL_SECONDS as STALL_SECONDS
from chatserver.net.strict import HEAD_LIMIT, STRIPPED, StrictConnection

KEEP_ALIVE_SECONDS = 15.0
"""How long a connection may be idle between requests, and how long a request head may take."""
PING_SECONDS = 25.0
SILENCE_SECONDS = PING_SECONDS + 10.0
"""A WebSocket that says nothing for so long has not answered a ping."""
AFTERMATH_SECONDS = 30.0
"""How long a handler may go on once its client is gone."""
PIECE = 64 * 1024
"""A write that the peer takes less than this of in `STALL_SECONDS` is given up."""

_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

log = logging.getLogger(__name__)


class ClientGone(OSError):
    """Raised into an application that sends to nobody."""


@attrs.frozen
class Http:
    """What all connections of one server share."""

    app: App
    state: dict[str, Any]
    config: Config
    context: WorkerContext
    pauses: set[trio.CancelScope] = attrs.field(factory=set)
    """Those of plain connections on which nothing is asked for just now."""

    @classmethod
    def of(cls, app: App, state: dict[str, Any], head_limit: int = HEAD_LIMIT) -> "Http":
        """`head_limit`: bytes of a request head."""
        config = Config()
        config.accesslog = None
        config.errorlog = log
        config.include_server_header = False
        config.h11_max_incomplete_size = head_limit
        config.h2_max_header_list_size = head_limit
        config.keep_alive_timeout = KEEP_ALIVE_SECONDS
        config.websocket_max_message_size = FRAME_LIMIT
        config.websocket_ping_interval = PING_SECONDS
        return cls(app, state, config, WorkerContext(None))

    @property
    def head_limit(self) -> int:
        """Bytes of a request head."""
        return self.config.h11_max_incomplete_size

    async def stop(self) -> None:
        """Idle connections end now, the others after the answer that they wait for."""
        await self.context.terminated.set()
        for pause in tuple(self.pauses):
            pause.cancel()


class HttpConnection(TCPServer):
    """One connection. `stream`: a `trio.SocketStream` or `SSLStream`, whose first bytes, `early`, were read already."""

    def __init__(self, http: Http, stream: Any, early: bytes = b"", *, alpn: str = "http/1.1") -> None:
        super().__init__(self._guarded, http.config, http.context, ConnectionState(http.state), stream)
        self._application = http.app
        self._early = early
        self._alpn = alpn
        self._tls = not isinstance(stream, trio.SocketStream)
        self._gone = False
        self._handlers = 0
        # Not the task group's own scope: that one lets a cancellation of its body out, which would end the server.
        self._life = trio.CancelScope()

    def abort(self) -> None:
        """Cut the connection now; whoever waits in it wakes up."""
        self._gone = True
        stream = self.stream.transport_stream if self._tls else self.stream
        stream.socket.close()

    async def run(self) -> None:
        """Serve it to its end. Nothing but cancellation comes out."""
        try:
            try:
                with self._life:
                    await self._serve()
            finally:
                self.abort()
        except* Exception as group:
            if group.split(_GONE)[1] is not None:
                log.warning("a connection failed and was closed", exc_info=group)

    async def _serve(self) -> None:
        socket = (self.stream.transport_stream if self._tls else self.stream).socket
        async with TaskGroup() as task_group:
            self._task_group = task_group
            self.protocol = ProtocolWrapper(
                self.app,
                self.config,
                self.context,
                task_group,
                ConnectionState(self.state),
                self._tls,
                address_of(socket.getpeername()),
                address_of(socket.getsockname()),
                self.protocol_send,
                self._alpn,
            )
            self.protocol.protocol = _hardened(self.protocol)
            await self.protocol.initiate()
            await self.idle_task.restart(task_group, self._idle_timeout)
            await self._read_data()
            self._closing()

    def _closing(self) -> None:
        """Nobody listens any more: once no handler runs, what Hypercorn keeps running (its pings) is of no use."""
        if self._gone:
            patience = AFTERMATH_SECONDS if self._handlers else 0
            self._life.deadline = min(self._life.deadline, trio.current_time() + patience)

    # --- in --------------------------------------------------------------------------------------------------------

    async def _read_data(self) -> None:
        data = self._early or await self._receive_some()
        while data and not self._gone:
            await self.protocol.handle(RawData(data))
            if any(stream.buffer.length > stream.buffer.max_length for stream in self._sockets()):
                break
            data = await self._receive_some()
        await self.protocol.handle(Closed())
        self.abort()

    async def _receive_some(self) -> bytes:
        with trio.move_on_after(SILENCE_SECONDS if self._sockets() else float("inf")):
            try:
                return bytes(await self.stream.receive_some(PIECE))
            except _GONE:
                pass
        return b""

    def _sockets(self) -> list[WSStream]:
        protocol = self.protocol.protocol
        streams = protocol.streams.values() if isinstance(protocol, H2Protocol) else (protocol.stream,)
        return [stream for stream in streams if isinstance(stream, WSStream)]

    # --- out -------------------------------------------------------------------------------------------------------

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            # An answer ends in the handler's task, which Quart cancels the moment that it is given: the watch over the
            # idle connection, which begins here, would be cancelled with it, and the connection kept for ever.
            with trio.CancelScope(shield=True):
                await super().protocol_send(event)
            return
        async with self.send_lock:
            if not await self._write(event.data):
                self.abort()
                await self.protocol.handle(Closed())

    async def _write(self, data: bytes) -> bool:
        """Whether the peer took it all. Shielded, because half an answer may pass for a whole one; but not for ever."""
        for start in range(0, len(data), PIECE):
            with trio.move_on_after(STALL_SECONDS, shield=True) as patience:
                try:
                    await self.stream.send_all(data[start : start + PIECE])
                except _GONE:
                    return False
            if patience.cancelled_caught:
                return False
        return True

    async def _close(self) -> None:
        self._gone = True
        with trio.move_on_after(STALL_SECONDS, shield=True):
            await super()._close()
        self.abort()

    async def _guarded(
        self,
        scope: Any,
        receive: Any,
        send: Any,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        """The application, with a `send` that always yields, and that tells it when nobody listens any more."""

        async def guarded_send(message: Message) -> None:
            await trio.lowlevel.checkpoint()
            if self._gone:
                raise ClientGone("the client is gone")
            await send(message)

        self._handlers += 1
        try:
            await self._application(scope, receive, guarded_send)
        except* ClientGone:
            pass
        finally:
            self._handlers -= 1
            self._closing()


# --- what Hypercorn is not to see ------------------------------------------------------------------------------------


def _hardened(wrapper: ProtocolWrapper) -> H11Protocol | H2Protocol:
    cls = _Http2 if isinstance(wrapper.protocol, H2Protocol) else _Http1
    return cls(
        wrapper.app,
        wrapper.config,
        wrapper.context,
        wrapper.task_group,
        wrapper.state,
        wrapper.ssl,
        wrapper.client,
        wrapper.server,
        wrapper.send,
    )


class _WebSocket(WSStream):
    """wsproto tells of a fault as of a goodbye, and Hypercorn answers goodbyes only: here faults get their code."""

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            if isinstance(event, WebSocketMessage):
                if not await self._take(event):
                    break
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, CloseConnection):
                if self.connection.state in (WebSocketState.OPEN, WebSocketState.REMOTE_CLOSING):
                    await self._send_wsproto_event(event.response())
                await self.send(StreamClosed(stream_id=self.stream_id))

    async def _take(self, event: WebSocketMessage[Any]) -> bool:
        """Whether more may come."""
        try:
            self.buffer.extend(event)
        except FrameTooLargeError:
            await self._send_wsproto_event(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
            return False
        if event.message_finished and self.app_put is not None:
            await self.app_put(self.buffer.to_message())
            self.buffer.clear()
        return True


class _Http1(H11Protocol):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connection = StrictConnection(self.config.h11_max_incomplete_size)

    async def _create_stream(self, request: h11.Request) -> None:
        await super()._create_stream(request)
        if isinstance(self.stream, WSStream):
            self.stream.__class__ = _WebSocket

    async def _send_error_response(self, status_code: int) -> None:
        problem = Malformed("This is not well-formed HTTP.")
        problem.status = status_code  # type: ignore[misc]  # h11 knows best which one it is
        status, headers, body = refusal.response(problem, datetime.now(UTC))
        headers = [*headers, (b"connection", b"close"), *self.config.response_headers("h11")]
        await self._send_h11_event(h11.Response(status_code=status, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class _Http2(H2Protocol):
    async def _create_stream(self, request: Any) -> None:
        headers = [(name, value) for name, value in request.headers or () if name not in STRIPPED]
        if any(not value.isascii() for name, value in headers if name.startswith((b":", b"sec-websocket"))):
            self.connection.reset_stream(request.stream_id)
            return
        request.headers = headers
        await super()._create_stream(request)
        stream = self.streams.get(request.stream_id)
        if isinstance(stream, WSStream):
            stream.__class__ = _WebSocket


class Malformed(ValidationFailed):
    """What came is no request."""


def address_of(address: Any) -> tuple[str, int] | None:
    """Host and port of a socket's name; a Unix socket has none."""
    return (address[0], address[1]) if isinstance(address, tuple) else None
