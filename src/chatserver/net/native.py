"""The native lane's socket: one connection, written to directly.

A write costs one system call. Only when the kernel would block does a task come into being, which writes the rest as
the peer takes it; what waits is bounded in bytes, and how long a peer may take nothing is bounded in time.
"""

import trio

from chatserver.net.backlog import Backlog
from chatserver.net.batch import Batch
from chatserver.net.parser import Parsed, Parser, Part
from chatserver.net.socket import BROKEN, LINGER_SECONDS, QUEUE_LIMIT, STALL_SECONDS, TOO_SLOW, Inbound
from chatserver.net.transport import Transport

_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
_LOW_WATER = 64 * 1024
_IGNORED_LIMIT = 1024 * 1024
"""Bytes still read, unseen, from a peer that was told goodbye: closing with unread input would reset the connection,
and the peer might never see why."""


class NativeSocket:
    """See `Socket`. `nursery` is the lane's: it holds the writers of blocked sockets and the goodbyes under way."""

    __slots__ = (
        "_backlog",
        "_closed",
        "_deaf",
        "_early",
        "_ended",
        "_ending",
        "_ignored",
        "_last",
        "_nursery",
        "_parser",
        "_transport",
        "close_code",
    )

    can_ping = True

    def __init__(self, transport: Transport, nursery: trio.Nursery, early: bytes = b"") -> None:
        """`early`: bytes that came with the request head."""
        self._transport = transport
        self._nursery = nursery
        self._parser = Parser()
        self._early = early
        self._backlog: Backlog | None = None
        self._ending = False
        """A goodbye was said, or the connection is cut: nothing more is written."""
        self._deaf = False
        """What comes in can no longer be understood."""
        self._closed = False
        self._last: Parsed | None = None
        """How it ends, once the texts that came before the end were handed on: they may still be answered."""
        self._ignored = 0
        self._ended: trio.Event | None = None
        """Somebody waits for the end, or for the backlog to shrink."""
        self.close_code = 0

    @property
    def queued(self) -> int:
        """Bytes that wait for the peer."""
        return self._backlog.size if self._backlog is not None else 0

    def write(self, batch: Batch) -> None:
        if not self._ending:
            self._push(batch.framed)

    def ping(self) -> None:
        if not self._ending:
            self._push(self._parser.ping())

    def close(self, code: int, reason: str) -> None:
        if self._ending:
            return
        if self._last is not None:
            # The parser has said goodbye already, because of what came after the texts that are looked at now.
            self._end(self._last.code, self._last.answers)
        else:
            self._end(code, self._parser.goodbye(code, reason))

    async def drained(self) -> None:
        await trio.lowlevel.checkpoint()
        while self.queued > _LOW_WATER and not self._ending:
            await self._news().wait()

    async def receive(self) -> Inbound | None:
        if self._last is not None:
            last, self._last = self._last, None
            self._answer(last)
        while not self._closed:
            data = await self._receive_some()
            if not data or (self._ending and self._too_much_after_goodbye(data)):
                self.abort()
            elif not self._deaf:
                parsed = self._parser.feed(data)
                heard = not self._ending
                if heard and parsed.texts and parsed.ended_by is not None:
                    self._last = parsed
                else:
                    self._answer(parsed)
                if heard:
                    return Inbound(parsed.texts, parsed.pong, parsed.frames, len(data))
        return None

    def abort(self, *, reset: bool = False) -> None:
        """Cut the connection now."""
        self._ending = self._closed = True
        self.close_code = self.close_code or BROKEN
        self._backlog = None
        self._transport.abort(reset=reset)
        self._tell()

    # --- out -------------------------------------------------------------------------------------------------------

    def _push(self, data: bytes) -> None:
        if self._backlog is not None:
            self._backlog.add(data)
            if self._backlog.size > QUEUE_LIMIT and not self._ending:
                self._backlog.drop()
                self._end(TOO_SLOW, self._parser.goodbye(TOO_SLOW, "too slow: resume with your cursor"))
            return
        try:
            sent = self._transport.try_send(data)
        except _GONE:
            self.abort()
            return
        if sent != len(data):
            self._backlog = Backlog(memoryview(data)[sent:])
            self._nursery.start_soon(self._drain, self._backlog)

    async def _drain(self, backlog: Backlog) -> None:
        """The writer of a blocked socket: lives until nothing waits."""
        try:
            while pieces := backlog.hand_out():
                with trio.move_on_after(STALL_SECONDS) as patience:
                    backlog.sent(await self._transport.send_more(pieces))
                if patience.cancelled_caught:
                    self.close_code = self.close_code or TOO_SLOW
                    self.abort(reset=True)
                    return
                if backlog.size <= _LOW_WATER:
                    self._tell()
        except _GONE:
            self.abort()
        finally:
            self._backlog = None

    # --- the end ---------------------------------------------------------------------------------------------------

    def _end(self, code: int, goodbye: bytes) -> None:
        self._ending = True
        self.close_code = self.close_code or code
        if goodbye:
            self._push(goodbye)
        self._tell()
        self._nursery.start_soon(self._linger)

    async def _linger(self) -> None:
        with trio.move_on_after(LINGER_SECONDS):
            while not self._closed:
                await self._news().wait()
        self.abort()

    def _answer(self, parsed: Parsed) -> None:
        if parsed.ended_by is None:
            if parsed.answers and not self._ending:
                self._push(parsed.answers)
            return
        self._deaf = True
        if not self._ending:
            self._end(parsed.code, parsed.answers)
        if parsed.ended_by is Part.PEER and self._backlog is None:
            self.abort()

    def _too_much_after_goodbye(self, data: bytes) -> bool:
        self._ignored += len(data)
        return self._ignored > _IGNORED_LIMIT

    async def _receive_some(self) -> bytes:
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            return await self._transport.receive()
        except _GONE:
            return b""

    def _news(self) -> trio.Event:
        if self._ended is None:
            self._ended = trio.Event()
        return self._ended

    def _tell(self) -> None:
        if self._ended is not None:
            self._ended.set()
            self._ended = None
