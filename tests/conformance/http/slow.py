"""Clients that take their time: they say, or read, a byte now and then."""

import socket
from typing import Any

import attrs
import trio

_EVERY = 0.5
"""Seconds between two bytes."""
_SMALL = 4096


@attrs.define
class Slow:
    """One client. `opening` is sent at once, `drip` byte by byte; unless it `reads`, it hardly takes the answers."""

    opening: bytes = b""
    drip: bytes = b""
    reads: bool = True
    heard: bytes = b""
    lasted: float | None = None
    """Seconds until the server had enough; None while it has not."""

    async def run(self, port: int, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Until the server ends it, or the test."""
        connection = trio.socket.socket()
        if not self.reads:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        await connection.connect(("127.0.0.1", port))
        began = trio.current_time()
        stream = trio.SocketStream(connection)
        async with stream:
            await stream.send_all(self.opening)
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._say, stream)
                await self._hear(stream)
                self.lasted = trio.current_time() - began
                nursery.cancel_scope.cancel()

    async def _say(self, stream: trio.SocketStream) -> None:
        for number in range(len(self.drip)):
            await trio.sleep(_EVERY)
            try:
                await stream.send_all(self.drip[number : number + 1])
            except trio.BrokenResourceError:
                return

    async def _hear(self, stream: trio.SocketStream) -> None:
        try:
            while data := await stream.receive_some(None if self.reads else 1):
                self.heard += data
                if not self.reads:
                    await trio.sleep(_EVERY)
        except trio.BrokenResourceError:
            pass
