"""The plain lane: HTTP/1.1 as nearly every client speaks it, from the socket straight to the application.

It serves the requests of which it is sure (`plain_head`). With the first one that is anything else, the connection and
what was read of it go to Hypercorn, for the rest of its life. So whatever is hard (chunks, upgrades, 100-continue,
HTTP/1.0, heads in pieces, all that has to be refused) is done in one place, and here is nothing to get wrong about it.

Deadlines and bounds are those of `hypercorn_http`.
"""

import logging
from datetime import UTC, datetime

import trio

from chatcore.errors import Internal
from chatserver.net import hypercorn_http, refusal
from chatserver.net.exchange import Ends, Exchange
from chatserver.net.hypercorn_http import PIECE, ClientGone, Http
from chatserver.net.plain_head import PlainHead, read_plain
from chatserver.net.socket import LINGER_SECONDS
from chatserver.net.transport import Transport

AHEAD = 64 * 1024
"""Bytes of further requests that are taken while one is being answered."""
LEFTOVERS = 1024 * 1024
"""Bytes of a body that nobody wanted and that are taken all the same, so that the client gets to hear the answer."""

_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

log = logging.getLogger(__name__)


class PlainConnection:
    """One connection. `early`: what was read of it already."""

    def __init__(self, http: Http, transport: Transport, early: bytes, ends: Ends) -> None:
        self._http = http
        self._transport = transport
        self._buffer = early
        self._ends = ends
        self._watch: trio.CancelScope | None = None
        self._gone = False

    def abort(self) -> None:
        """Cut the connection now; whoever waits in it wakes up."""
        self._gone = True
        self._transport.abort()

    async def run(self) -> bytes:
        """Serve what is plain. What it returns is not, and somebody else's to answer; b"" when the connection is over.

        Nothing but cancellation comes out.
        """
        rest = b""
        try:
            rest = await self._serve()
        except Exception as error:
            if not isinstance(error, _GONE):
                log.warning("a connection failed and was closed", exc_info=error)
        finally:
            if not rest:
                self.abort()
        return rest

    async def _serve(self) -> bytes:
        limit = self._http.head_limit
        while self._buffer:
            head = read_plain(self._buffer, limit)
            if head is None:
                return self._buffer
            self._buffer = self._buffer[head.size :]
            if not await self._answer(head):
                break
            if self._buffer:
                await trio.lowlevel.checkpoint()
            else:
                self._buffer = await self._next()
        return b""

    async def _answer(self, head: PlainHead) -> bool:
        """Whether another request may follow."""
        exchange = Exchange(self, head)
        try:
            await self._http.app(exchange.scope(self._ends), exchange.receive, exchange.send)
        except* ClientGone:
            self._gone = True
        except* Exception as group:
            log.error("the application failed", exc_info=group)
        if self._gone:
            return False
        if not exchange.began:
            problem = Internal("Something broke on our side.")
            await self.write(refusal.over_tcp(problem, datetime.now(UTC)))
            return False
        if not exchange.complete:
            return False
        if not self.holds(exchange.left):
            await self._linger(exchange.left)
            return False
        self._buffer = self._buffer[exchange.left :]
        return exchange.keeps

    async def _next(self) -> bytes:
        """What comes after a pause; b"" when nothing does."""
        if self.stopping:
            return b""
        with trio.move_on_after(hypercorn_http.KEEP_ALIVE_SECONDS) as pause:
            self._http.pauses.add(pause)
            try:
                return await self._transport.receive()
            finally:
                self._http.pauses.discard(pause)
        return b""

    async def _linger(self, left: int) -> None:
        """Take the rest of a body: closing before it has come would take the answer back."""
        self._transport.end()
        with trio.move_on_after(LINGER_SECONDS):
            left = min(left, LEFTOVERS)
            while left > 0 and (data := await self.body(left)):
                left -= len(data)

    # --- for the exchange --------------------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        return self._http.context.terminated.is_set()

    def holds(self, size: int) -> bool:
        return len(self._buffer) >= size

    async def body(self, most: int) -> bytes:
        if not self._buffer:
            self._buffer = await self._received()
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    async def departure(self) -> None:
        with trio.CancelScope() as self._watch:
            while not self._gone:
                if len(self._buffer) >= AHEAD:
                    await trio.sleep_forever()
                self._buffer += await self._received()

    def give_up_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    async def _received(self) -> bytes:
        try:
            data = await self._transport.receive()
        except _GONE:
            data = b""
        if not data:
            self._gone = True
        return data

    async def write(self, data: bytes) -> bool:
        if self._gone:
            return False
        try:
            sent = self._transport.try_send(data)
            return sent == len(data) or await self._write_slowly(memoryview(data)[sent:])
        except _GONE:
            self.abort()
            return False

    async def _write_slowly(self, rest: memoryview) -> bool:
        """Shielded, because half an answer may pass for a whole one; but not for ever."""
        while rest:
            piece, rest = rest[:PIECE], rest[PIECE:]
            with trio.move_on_after(hypercorn_http.STALL_SECONDS, shield=True) as patience:
                while piece:
                    piece = piece[await self._transport.send_more([piece]) :]
            if patience.cancelled_caught:
                self.abort()
                return False
        return True
