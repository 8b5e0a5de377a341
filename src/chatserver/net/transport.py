"""What carries a native WebSocket: a TCP connection, bare or under TLS."""

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import trio

RECEIVE_SIZE = 64 * 1024
UNSENT_LIMIT = 128 * 1024
"""Bytes that the kernel keeps unsent per connection before it says that it would block."""

_RESET = struct.pack("ii", 1, 0)


class Transport(Protocol):
    """Bytes. Its methods raise OSError, or a trio resource error, when the connection is gone."""

    def try_send(self, data: bytes) -> int:
        """Give bytes to the kernel without waiting; how many it took."""
        ...

    async def send_more(self, pieces: Sequence[bytes | memoryview]) -> int:
        """Wait until some of these bytes, which follow each other, were taken; how many."""
        ...

    async def receive(self) -> bytes:
        """Some bytes; b"" when the peer has ended."""
        ...

    def end(self) -> None:
        """Say that nothing more comes, as far as that can be said without closing. Never raises."""
        ...

    def abort(self, *, reset: bool = False) -> None:
        """Close at once and wake who waits; twice is harmless. `reset`: the kernel forgets what is unsent, too."""
        ...


class TcpTransport:
    """A non-blocking socket, called directly: what trio's stream does around each call costs as much as the call."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._closed = False
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT)

    def try_send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send_more(self, pieces: Sequence[bytes | memoryview]) -> int:
        while True:
            await trio.lowlevel.wait_writable(self._socket)
            try:
                return self._socket.sendmsg(pieces)
            except BlockingIOError:
                continue

    async def receive(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(RECEIVE_SIZE)
            except BlockingIOError:
                continue

    def end(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def abort(self, *, reset: bool = False) -> None:
        if self._closed:
            return
        self._closed = True
        if reset:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                pass  # the peer was faster
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()


class TlsTransport:
    """A TLS connection. Records are encrypted per peer, so nothing can be sent without going through its stream."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream

    def try_send(self, data: bytes) -> int:
        return 0

    async def send_more(self, pieces: Sequence[bytes | memoryview]) -> int:
        data = b"".join(pieces)
        await self._stream.send_all(data)
        return len(data)

    async def receive(self) -> bytes:
        return bytes(await self._stream.receive_some(RECEIVE_SIZE))

    def end(self) -> None:
        pass  # close_notify would have to be waited for; what is lost is that the client may hang up a little later

    def abort(self, *, reset: bool = False) -> None:
        # Without close_notify: WebSocket has a close frame of its own, so nothing can be cut off unnoticed.
        self._stream.transport_stream.socket.close()
