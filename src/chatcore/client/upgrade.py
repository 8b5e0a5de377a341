"""The request that turns a connection into a WebSocket, and what a server may answer to it (RFC 6455 §4.1)."""

import base64
import hashlib
import os

import h11
import trio

from chatcore.client.socket import Socket, Stream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The server answered with another status than 101."""

    def __init__(self, status: int, headers: dict[bytes, bytes]) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.headers = headers
        """Names in lower case."""


class NotUpgraded(Exception):
    """What came is no answer to the request, or none came."""


async def upgrade(stream: Stream, host: str, path: str, headers: list[tuple[bytes, bytes]]) -> Socket:
    """Ask for a WebSocket at `path`. Raises Refused, NotUpgraded."""
    http, key = h11.Connection(h11.CLIENT), base64.b64encode(os.urandom(16))
    asked = h11.Request(
        method="GET",
        target=path,
        headers=[
            (b"host", host.encode()),
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-key", key),
            (b"sec-websocket-version", b"13"),
            *headers,
        ],
    )
    try:
        await stream.send_all((http.send(asked) or b"") + (http.send(h11.EndOfMessage()) or b""))
        status, answered = await _answer(stream, http)
    except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError) as error:
        raise NotUpgraded(str(error) or "the connection broke") from error
    if status != 101:
        raise Refused(status, answered)
    proof = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    if answered.get(b"upgrade", b"").lower() != b"websocket" or answered.get(b"sec-websocket-accept") != proof:
        raise NotUpgraded("the server answers the request for a WebSocket, but not as a WebSocket server does")
    if b"sec-websocket-extensions" in answered or b"sec-websocket-protocol" in answered:
        raise NotUpgraded("the server wants an extension, or another protocol, that was not asked for")
    return Socket(stream, http.trailing_data[0])


async def _answer(stream: Stream, http: h11.Connection) -> tuple[int, dict[bytes, bytes]]:
    """The status and headers of the answer."""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.InformationalResponse | h11.Response):
            if event.status_code == 101 or event.status_code >= 200:
                return event.status_code, dict(event.headers)
        else:
            raise NotUpgraded("the server closed the connection instead of answering")
