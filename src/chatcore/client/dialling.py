"""The line to a server: TCP, TLS where the address says so, and the upgrade to a WebSocket."""

import ssl
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import attrs
import trio
from trio_websocket import HandshakeError, WebSocketConnection, wrap_client_stream

DIAL_SECONDS = 15.0
UPGRADE_SECONDS = 15.0
QUEUE = 64
"""Frames that may wait between the socket's reader and ours, which never waits for anybody."""
MAX_FRAME = 1024 * 1024

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@attrs.frozen
class Line:
    """An open connection. Whoever dialled closes the stream."""

    stream: Stream
    address: SplitResult

    async def upgrade(
        self, nursery: trio.Nursery, path: str, token: str | None, *, queue: int = QUEUE
    ) -> WebSocketConnection:
        """Turn the line into a WebSocket, which reads in the nursery. Raises HandshakeError, TooSlowError.

        queue: frames that may wait for whoever takes them; more wait at the server.
        """
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        stream = _Watched(self.stream)
        with trio.fail_after(UPGRADE_SECONDS), trio.CancelScope() as scope:
            stream.on_end = scope.cancel
            socket = await wrap_client_stream(
                nursery,
                stream,  # type: ignore[arg-type]  # it needs no more than a stream
                self.address.netloc.rpartition("@")[2],
                self.address.path + path,
                extra_headers=headers,
                message_queue_size=queue,
                max_message_size=MAX_FRAME,
            )
            stream.on_end = None
            return socket
        raise HandshakeError("the server closed the connection instead of answering")


class _Watched(trio.abc.Stream):
    """A stream that tells of its end: the library would wait for an answer that cannot come any more."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.on_end: Callable[[], None] | None = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data: bytes | bytearray = b""
        try:
            data = await self._stream.receive_some(max_bytes)
        finally:
            if not data and self.on_end is not None:
                self.on_end()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def dial(url: str) -> Line:
    """Connect to the server. Raises OSError, TooSlowError; BrokenResourceError when TLS fails (the cause says why)."""
    address = urlsplit(url)
    secure = address.scheme == "https"
    assert address.hostname is not None
    with trio.fail_after(DIAL_SECONDS):
        tcp = await trio.open_tcp_stream(address.hostname, address.port or (443 if secure else 80))
        if not secure:
            return Line(tcp, address)
        context = ssl.create_default_context()
        tls = trio.SSLStream(tcp, context, server_hostname=address.hostname, https_compatible=True)
        try:
            await tls.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(tls)
            raise
        return Line(tls, address)
