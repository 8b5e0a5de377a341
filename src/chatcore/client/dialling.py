"""The line to a server: TCP, TLS where the address says so, and the upgrade to a WebSocket."""

import ssl
from urllib.parse import SplitResult, urlsplit

import attrs
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

DIAL_SECONDS = 15.0
UPGRADE_SECONDS = 15.0
QUEUE = 64
"""Frames that may wait between the socket's reader and ours, which never waits for anybody."""
MAX_FRAME = 1024 * 1024


@attrs.frozen
class Line:
    """An open connection. Whoever dialled closes the stream."""

    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    address: SplitResult

    async def upgrade(
        self, nursery: trio.Nursery, path: str, token: str | None, *, queue: int = QUEUE
    ) -> WebSocketConnection:
        """Turn the line into a WebSocket, which reads in the nursery. Raises HandshakeError, TooSlowError.

        queue: frames that may wait for whoever takes them; more wait at the server.
        """
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        with trio.fail_after(UPGRADE_SECONDS):
            return await wrap_client_stream(
                nursery,
                self.stream,
                self.address.netloc.rpartition("@")[2],
                self.address.path + path,
                extra_headers=headers,
                message_queue_size=queue,
                max_message_size=MAX_FRAME,
            )


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
