"""The line to a server: TCP, TLS where the address says so, and the upgrade to a WebSocket."""

import ssl
from urllib.parse import SplitResult, urlsplit

import attrs
import trio

from chatcore.client.socket import Socket, Stream
from chatcore.client.upgrade import upgrade

DIAL_SECONDS = 15.0
UPGRADE_SECONDS = 15.0


@attrs.frozen
class Line:
    """An open connection. Whoever dialled closes the stream."""

    stream: Stream
    address: SplitResult

    async def upgrade(self, path: str, token: str | None) -> Socket:
        """Turn the line into a WebSocket. Raises Refused, NotUpgraded, TooSlowError."""
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        with trio.fail_after(UPGRADE_SECONDS):
            host = self.address.netloc.rpartition("@")[2]
            return await upgrade(self.stream, host, self.address.path + path, headers)


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
