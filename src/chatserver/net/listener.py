"""One port, several lanes: accepts connections, reads what is asked for, and hands it to the lane for it."""

import errno
import logging
import math
import socket
import ssl
from collections import Counter
from typing import Any, Protocol

import attrs
import trio

from chatcore import Config
from chatcore.errors import ChatError, ValidationFailed
from chatserver.gateway.gateway import Gateway
from chatserver.gateway.opening import Admission, Request
from chatserver.net import refusal
from chatserver.net.asgi import PATH
from chatserver.net.certificate import Certificate
from chatserver.net.exchange import Ends
from chatserver.net.hypercorn_http import Http, HttpConnection, address_of
from chatserver.net.native import NativeSocket
from chatserver.net.plain import PlainConnection
from chatserver.net.transport import TcpTransport, TlsTransport, Transport
from chatserver.net.upgrade import Head, UpgradeRequired, accept, parse_head

HEAD_SECONDS = 5.0
"""How long a new connection has for TLS and for the head of its first request."""

_ASKS_FOR_SOCKET = b"GET " + PATH.encode()
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ROUND = 64
"""Connections accepted before others get a turn."""
_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Limits:
    """How many connections are taken, all in all and from one address (proxies of ours apart).

    Over it they are closed unanswered.
    """

    connections: int = 10_000
    per_address: int = 2_000

    @classmethod
    def of(cls, config: Config) -> "Limits":
        """As the settings say."""
        return cls(connections=config.max_connections, per_address=config.max_connections_per_address)


class Abortable(Protocol):
    def abort(self) -> None: ...


class Listener:
    """See the module. `nursery` holds the connections."""

    def __init__(
        self,
        gateway: Gateway,
        http: Http,
        nursery: trio.Nursery,
        *,
        limits: Limits | None,
        tls: ssl.SSLContext | Certificate | None = None,
    ) -> None:
        self._gateway = gateway
        self._http = http
        self._nursery = nursery
        self._limits = limits
        self._tls = tls
        self._open: set[Abortable] = set()
        self._peers: Counter[str] = Counter()
        self._connections = 0
        self._changed = trio.Event()

    @property
    def connections(self) -> int:
        """How many are open, in both lanes."""
        return self._connections

    # --- accepting -------------------------------------------------------------------------------------------------

    async def accept(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed, which may be before this begins: a stop can come at once."""
        while listener.fileno() != -1:
            try:
                await trio.lowlevel.wait_readable(listener)
                self._accept_round(listener)
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                log.error("no connection can be taken: %s; raise the limit of open files", error.strerror)
                await trio.sleep(0.1)

    def _accept_round(self, listener: socket.socket) -> None:
        for _ in range(_ROUND):
            if listener.fileno() == -1:
                return  # closed since it became readable
            try:
                connection, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            self._take(connection, str(address[0]))

    def _take(self, connection: socket.socket, peer: str) -> None:
        if not self._has_room_for(peer):
            self._gateway.tally.streams_refused += 1
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections += 1
        self._gateway.tally.streams += 1
        self._peers[peer] += 1
        self._nursery.start_soon(self._connection, connection, peer)

    def _has_room_for(self, peer: str) -> bool:
        limits = self._limits
        if limits is None:
            return True
        if self._connections >= limits.connections:
            return False
        return self._peers[peer] < limits.per_address or self._gateway.proxies.trusts(peer)

    async def drained(self) -> None:
        """Wait until no connection is left."""
        while self._connections:
            self._changed = trio.Event()
            await self._changed.wait()

    def abort(self) -> None:
        """Cut every connection."""
        for connection in tuple(self._open):
            connection.abort()

    # --- one connection --------------------------------------------------------------------------------------------

    async def _connection(self, connection: socket.socket, peer: str) -> None:
        """Its whole life. Whatever fails in it ends here."""
        try:
            if self._tls is None:
                await self._plain(connection, peer)
            else:
                await self._secure(connection, peer, _context(self._tls))
        except* Exception as group:
            if group.split(_GONE)[1] is not None:
                log.exception("a connection failed and was closed", exc_info=group)
        except* trio.Cancelled:
            # One that escaped from a scope inside the connection would end the server, and look like a stop.
            if trio.current_effective_deadline() == -math.inf:
                raise
            log.exception("a connection was cancelled by nobody, and was closed")
        finally:
            if connection.fileno() != -1:
                trio.lowlevel.notify_closing(connection)
                connection.close()
            self._connections -= 1
            self._gateway.tally.streams -= 1
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]
            self._changed.set()

    async def _plain(self, connection: socket.socket, peer: str) -> None:
        transport = TcpTransport(connection)
        early, head = await self._first_bytes(transport)
        if head is not None:
            await self._native(transport, head, peer, "ws")
        elif rest := await self._http1(transport, connection, early, "http"):
            stream = trio.SocketStream(trio.socket.from_stdlib_socket(connection))
            await self._hypercorn(HttpConnection(self._http, stream, rest))

    async def _secure(self, connection: socket.socket, peer: str, tls: ssl.SSLContext) -> None:
        inner = trio.SocketStream(trio.socket.from_stdlib_socket(connection))
        stream = trio.SSLStream(inner, tls, server_side=True, https_compatible=True)
        with trio.fail_after(HEAD_SECONDS):
            await stream.do_handshake()
        if stream.selected_alpn_protocol() == "h2":
            await self._hypercorn(HttpConnection(self._http, stream, alpn="h2"))
            return
        transport = TlsTransport(stream)
        early, head = await self._first_bytes(transport)
        if head is not None:
            await self._native(transport, head, peer, "wss")
        elif rest := await self._http1(transport, connection, early, "https"):
            await self._hypercorn(HttpConnection(self._http, stream, rest))

    async def _first_bytes(self, transport: Transport) -> tuple[bytes, Head | None]:
        """What the connection begins with, b"" if it is of no use; and the whole head, if it asks for a WebSocket."""
        data = b""
        with trio.move_on_after(HEAD_SECONDS):
            while True:
                piece = await transport.receive()
                if not piece:
                    return b"", None
                data += piece
                if not _may_ask_for_socket(data):
                    return data, None
                try:
                    head = parse_head(data, self._http.head_limit)
                except ValidationFailed:
                    # Hypercorn has the right answer to what is no HTTP.
                    return data, None
                if head is not None:
                    return data, head if _asks_for_socket(head) else None
        return b"", None

    async def _http1(self, transport: Transport, connection: socket.socket, early: bytes, scheme: str) -> bytes:
        """Serve what is plain HTTP/1.1; what is left is not."""
        if not early:
            return b""
        names = address_of(connection.getpeername()), address_of(connection.getsockname())
        plain = PlainConnection(self._http, transport, early, Ends(*names, scheme, self._http.state))
        self._open.add(plain)
        try:
            return await plain.run()
        finally:
            self._open.discard(plain)

    async def _hypercorn(self, connection: HttpConnection) -> None:
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    async def _native(self, transport: Transport, head: Head, peer: str, scheme: str) -> None:
        try:
            answer = self._accept_head(head)
            admission = await self._gateway.admit(Request(headers=head.headers, peer=peer, scheme=scheme))
        except ChatError as error:
            extra = b"Sec-WebSocket-Version: 13\r\n" if isinstance(error, UpgradeRequired) else b""
            await _send(transport, refusal.over_tcp(error, self._gateway.chat.clock.now(), extra))
            return
        await _send(transport, answer)
        await self._serve_native(NativeSocket(transport, self._nursery, head.rest), admission)

    def _accept_head(self, head: Head) -> bytes:
        try:
            return accept(head)
        except ChatError as error:
            self._gateway.tally.refused[error.code] += 1
            raise

    async def _serve_native(self, websocket: NativeSocket, admission: Admission) -> None:
        self._open.add(websocket)
        try:
            await self._gateway.serve(websocket, admission)
        finally:
            websocket.abort()
            self._open.discard(websocket)


def _context(tls: ssl.SSLContext | Certificate) -> ssl.SSLContext:
    return tls.context if isinstance(tls, Certificate) else tls


def _may_ask_for_socket(data: bytes) -> bool:
    return data.startswith(_ASKS_FOR_SOCKET) or _ASKS_FOR_SOCKET.startswith(data)


def _asks_for_socket(head: Head) -> bool:
    return head.wants_websocket and head.request.target.partition(b"?")[0] == PATH.encode()


async def _send(transport: Transport, data: bytes) -> None:
    with trio.fail_after(HEAD_SECONDS):
        rest: Any = memoryview(data)
        while rest:
            rest = rest[await transport.send_more([rest]) :]
