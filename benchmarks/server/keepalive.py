"""A small HTTP/1.1 client: one connection, one request at a time, as little work as possible."""

from types import TracebackType
from typing import Self

import trio

_END = b"\r\n\r\n"


class Connection:
    """A connection that is kept. Use it as an async context manager."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host = host
        self._port = port
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._buffer = b""
        self._stream: trio.SocketStream | None = None

    async def __aenter__(self) -> Self:
        self._stream = await trio.open_tcp_stream(self._host, self._port)
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body. Raises RuntimeError when the server hangs up or sends a body of unknown length."""
        assert self._stream is not None
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        await self._stream.send_all(head.encode() + body)
        while (end := self._buffer.find(_END)) < 0:
            await self._more()
        answered = self._buffer[:end].lower()
        self._buffer = self._buffer[end + len(_END) :]
        length = _length(answered)
        while len(self._buffer) < length:
            await self._more()
        content, self._buffer = self._buffer[:length], self._buffer[length:]
        return int(answered[9:12]), content

    async def _more(self) -> None:
        assert self._stream is not None
        chunk = await self._stream.receive_some(65536)
        if not chunk:
            raise RuntimeError("the server closed a connection that was to be kept")
        self._buffer += chunk


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError(f"no Content-Length in {head!r}")
