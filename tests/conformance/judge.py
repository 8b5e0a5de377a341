"""A client that sends what a case says, notes everything that comes back, and compares."""

from collections.abc import Sequence
from typing import Any

import trio
import trio.testing
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import CLOSE, PING, close_of, parse_server_frames
from tests.conformance.case import GOODBYE, WHOLE, Case, Heard, pieces

NATIVE, ASGI = LANES = ("native", "asgi")
"""asgi: a request over HTTP goes first on the same connection, so that the upgrade comes to Hypercorn."""
_PATIENCE = 5.0
_LINGER = 1.0
"""Seconds in which a server ends a connection whose other side is closed already."""


class Wire:
    """One connection. `listen` must be running; it fails on frames that no server may send."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._rest = b""
        self._news = trio.Event()
        self.heard: list[Heard] = []
        self.goodbye: int | None = None
        self.over = False

    async def listen(self) -> None:
        """Until the server has closed the connection."""
        while data := await self._receive():
            frames, self._rest = parse_server_frames(self._rest + data)
            for opcode, payload in frames:
                assert self.goodbye is None, "nothing follows a close frame"
                if opcode == CLOSE:
                    self.goodbye = close_of(payload)[0]
                elif opcode != PING:  # Hypercorn's heartbeat; it may come at any time
                    self.heard.append((opcode, payload))
            self._tell()
        assert self._rest == b"", "half a frame"
        self.over = True
        self._tell()

    async def send(self, writes: Sequence[bytes]) -> None:
        """Write after write, each of which is read before the next is made; until the server has had enough."""
        try:
            for data in writes:
                await self._stream.send_all(data)
                if len(writes) > 1:
                    await trio.testing.wait_all_tasks_blocked()
        except trio.BrokenResourceError:
            pass

    async def hear(self, count: int) -> None:
        """Wait until so much was heard, or a goodbye."""
        while len(self.heard) < count and self.goodbye is None and not self.over:
            await self._wait()

    async def end(self) -> None:
        """Wait for the server's goodbye, close this side, and wait for the server to close its own."""
        while self.goodbye is None and not self.over:
            await self._wait()
        try:
            await self._stream.send_eof()
        except trio.BrokenResourceError:
            pass
        with trio.fail_after(_LINGER):
            while not self.over:
                await self._wait()

    async def _wait(self) -> None:
        self._news = trio.Event()
        await self._news.wait()

    def _tell(self) -> None:
        self._news.set()

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some())
        except trio.BrokenResourceError:
            return b""


async def upgraded(port: int, lane: str) -> Any:
    """A connection that is a WebSocket already."""
    client = Client(await trio.open_tcp_stream("127.0.0.1", port))
    if lane == ASGI:
        assert (await client.get("/"))[0] == 200
    status, _, _ = await client.upgrade()
    assert status == 101
    return client.stream


async def play(case: Case, port: int, lane: str, cut: int) -> None:
    """Act out the case; fails unless the server does everything that it must and nothing else."""
    stream = await upgraded(port, lane)
    wire = Wire(stream)
    try:
        with trio.fail_after(_PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wire.listen)
                await wire.send(pieces(case.frames, cut))
                await wire.hear(len(case.hears))
                if not case.closes and not case.is_fault:
                    await wire.send([GOODBYE])
                await wire.end()
    finally:
        await trio.aclose_forcefully(stream)
    assert wire.goodbye == case.ends, f"closed with {wire.goodbye} instead of {case.ends}"
    expected = list(case.hears)
    if lane == ASGI and cut == WHOLE and (case.closes or case.is_fault):
        # An application behind ASGI is told of a message and of the end in one go, and after the end there is no
        # answering. The suite calls that conforming, if not strict: what was said must be a beginning of the truth.
        expected = expected[: len(wire.heard)]
    assert wire.heard == expected, f"heard {_shown(wire.heard)} instead of {_shown(expected)}"


def _shown(heard: Sequence[Heard]) -> str:
    return str([(opcode, len(payload), payload[:20]) for opcode, payload in heard[:10]])
