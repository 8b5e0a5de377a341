"""The opening handshake of RFC 6455 §4.2, from the bytes of a request head."""

import base64
import binascii

import attrs
import h11
from wsproto.utilities import generate_accept_token

from chatcore.errors import ChatError, ValidationFailed
from chatserver.net.strict import HEAD_LIMIT, StrictConnection


class UpgradeRequired(ChatError):
    code = "VALIDATION_FAILED"
    status = 426


@attrs.frozen
class Head:
    """A parsed request head; `rest` is what came after it."""

    request: h11.Request
    rest: bytes

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self.request.headers)

    def all(self, name: bytes) -> list[bytes]:
        """The values of a header, in order."""
        return [value for key, value in self.request.headers if key == name]

    def has_token(self, name: bytes, token: bytes) -> bool:
        """Whether a comma-separated header names this token, in any case."""
        return any(token == part.strip().lower() for value in self.all(name) for part in value.split(b","))

    @property
    def wants_websocket(self) -> bool:
        return self.has_token(b"upgrade", b"websocket")


def parse_head(data: bytes, limit: int = HEAD_LIMIT) -> Head | None:
    """The head that `data` begins with, of at most `limit` bytes; None while it is not complete. Raises
    ValidationFailed.
    """
    if b"\n\r\n" not in data and b"\n\n" not in data:
        if len(data) > limit:
            raise ValidationFailed("The request head is too large.")
        return None
    connection = StrictConnection(limit)
    try:
        connection.receive_data(data)
        event = connection.next_event()
        if not isinstance(event, h11.Request):
            raise ValidationFailed("This is not an HTTP request.")
        if {b"content-length", b"transfer-encoding"} & {name for name, _ in event.headers}:
            raise ValidationFailed("A request for a WebSocket has no body.")
        connection.next_event()
    except h11.RemoteProtocolError as error:
        raise ValidationFailed(f"This is not well-formed HTTP: {error}.") from None
    return Head(event, connection.trailing_data[0])


def accept(head: Head) -> bytes:
    """The answer that opens the WebSocket. Raises ValidationFailed, UpgradeRequired."""
    if head.all(b"sec-websocket-version") != [b"13"]:
        raise UpgradeRequired("Only version 13 of the WebSocket protocol is spoken here.")
    if not head.has_token(b"connection", b"upgrade") or head.request.http_version < b"1.1":
        raise ValidationFailed("A request for a WebSocket says Connection: Upgrade, over HTTP/1.1.")
    keys = head.all(b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise ValidationFailed("A request for a WebSocket has one Sec-WebSocket-Key of 16 bytes in base64.")
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % generate_accept_token(keys[0])
    )


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
