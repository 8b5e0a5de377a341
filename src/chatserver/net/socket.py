"""The port between the lanes and the gateway: all that a connection and a room know of a socket.

Two lanes implement it: `native` (our own listener) and `asgi` (any ASGI server, HTTP/2). Everything but `receive` and
`drained` is synchronous: rooms write to thousands of sockets in one go, and none of them may make the others wait.
"""

from collections.abc import Sequence
from typing import Protocol

import attrs

from chatserver.net.batch import Batch

BROKEN = 1006
"""The close code of a connection that ended without a goodbye; never sent."""
TOO_LARGE = 1009
TOO_SLOW = 4001
NOT_TEXT = 4400

FRAME_LIMIT = 64 * 1024
"""Longest text that a client may send, in bytes."""
QUEUE_LIMIT = 1024 * 1024
"""Bytes that may wait for a slow reader; over it the socket is closed with 4001."""
STALL_SECONDS = 10.0
"""How long a reader may take nothing at all while something waits for it; then the same."""
LINGER_SECONDS = 2.0
"""How long a peer has to answer our close frame before the connection is cut."""


@attrs.frozen
class Inbound:
    """What arrived in one go: texts in order, whether a pong was among it, its frames of all kinds, its bytes."""

    texts: Sequence[str] = ()
    pong: bool = False
    frames: int = 0
    size: int = 0


class Sink(Protocol):
    """Something that takes batches: a socket, or what stands in for one while it catches up."""

    def write(self, batch: Batch) -> None:
        """Take the batch. Never waits, never raises; after `close` it does nothing."""
        ...


class Socket(Sink, Protocol):
    """An accepted WebSocket. The lane answers pings and close frames, and closes by itself what breaks RFC 6455, is
    too large (1009), is not text (4400), or does not read (4001)."""

    @property
    def can_ping(self) -> bool:
        """Whether `ping` works here; under ASGI the server behind it sees to the heartbeat."""
        ...

    @property
    def queued(self) -> int:
        """Bytes that wait for the peer."""
        ...

    @property
    def close_code(self) -> int:
        """How it ended: our code or the peer's, 1006 when it broke; while it is open, 0."""
        ...

    async def receive(self) -> Inbound | None:
        """What comes next; None when the socket is closed. One task at a time."""
        ...

    def ping(self) -> None:
        """Ask for a sign of life."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, after what waits already; the connection is cut after `LINGER_SECONDS` at the latest.
        Only the first call counts."""
        ...

    async def drained(self) -> None:
        """Wait until next to nothing waits to be sent, or the socket is closed."""
        ...
