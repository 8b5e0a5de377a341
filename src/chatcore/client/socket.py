"""A WebSocket to a server: texts in as they come, many at a time; texts out, many in one write."""

from collections.abc import Sequence
from itertools import count

import trio

from chatcore.client.frames import Frames, text_frames

NORMAL = 1000
_CHUNK = 64 * 1024

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class Closed(Exception):
    """The connection is over. `code` is that of the close frame; None: it broke without one."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(reason or ("the connection broke" if code is None else f"closed with {code}"))
        self.code = code
        self.reason = reason


class Socket:
    """An open WebSocket on a stream, which whoever opened it closes. One task at a time receives."""

    def __init__(self, stream: Stream, early: bytes = b"") -> None:
        """`early`: what came right behind the answer to the request for it."""
        self._stream = stream
        self._early = early
        self._frames = Frames()
        self._writing = trio.Lock()
        self._pings: dict[bytes, trio.Event] = {}
        self._numbers = count(1)
        self._end: Closed | None = None

    async def receive(self) -> list[bytes]:
        """The texts that have come, at least one. Raises Closed."""
        while True:
            if self._end is not None:
                raise self._end
            try:
                came = self._frames.feed(await self._receive_some())
            except Closed as closed:
                self._end = closed
                raise
            for payload in came.pongs:
                self._pong(payload)
            if came.answers:
                await self._answer(came.answers)
            if came.code:
                self._end = Closed(came.code, came.reason)
            if came.texts:
                return came.texts

    async def send(self, texts: Sequence[bytes]) -> None:
        """Send these, in one write. Raises Closed."""
        await self._write(text_frames(texts))

    async def ping(self) -> None:
        """Wait until the other end has answered that it is there. Raises Closed."""
        payload = str(next(self._numbers)).encode()
        answered = self._pings[payload] = trio.Event()
        try:
            await self._write(self._frames.ping(payload))
            await answered.wait()
        finally:
            del self._pings[payload]

    async def aclose(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye, and wait for the other end to say it, too. Nobody else may receive any more."""
        try:
            await self._write(self._frames.goodbye(code, reason))
            while True:
                await self.receive()
        except Closed:
            return

    def _pong(self, payload: bytes) -> None:
        """RFC 6455 §5.5.3: it may answer the last ping only, and so those before it."""
        if payload in self._pings:
            for earlier, answered in self._pings.items():
                answered.set()
                if earlier == payload:
                    break

    async def _receive_some(self) -> bytes:
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            data = await self._stream.receive_some(_CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Closed from None
        if not data:
            raise Closed
        return bytes(data)

    async def _answer(self, data: bytes) -> None:
        """What the RFC wants; that the other end may be gone is seen by what comes next."""
        try:
            await self._write(data)
        except Closed:
            pass

    async def _write(self, data: bytes) -> None:
        # A lock that is free costs no turn of the scheduler this way: there are thousands of writes a second.
        try:
            self._writing.acquire_nowait()
        except trio.WouldBlock:
            await self._writing.acquire()
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Closed from None
        finally:
            self._writing.release()
