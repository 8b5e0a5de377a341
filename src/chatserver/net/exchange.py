"""One request of the plain lane and its answer, as ASGI tells them to an application."""

import re
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Any, Protocol
from urllib.parse import unquote

import attrs
import trio

from chatserver.net.asgi import Message
from chatserver.net.hypercorn_http import ClientGone
from chatserver.net.plain_head import PlainHead

Address = tuple[str, int] | None

_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+\Z")
_OURS = frozenset({b"content-length", b"transfer-encoding", b"connection", b"date"})
"""Headers that say how an answer is framed: what the application says of them is heeded, and said by the exchange."""
_LINES = {status.value: b"HTTP/1.1 %d %b" % (status, status.phrase.encode()) for status in HTTPStatus}
_BODILESS = frozenset({204, 304})
_ASGI = {"spec_version": "2.1", "version": "3.0"}


@attrs.frozen
class Ends:
    """Who talks to whom; `state` is the application's own, of its lifespan."""

    client: Address
    server: Address
    scheme: str
    state: dict[str, Any]


class Line(Protocol):
    """What an exchange needs of its connection."""

    @property
    def stopping(self) -> bool:
        """Whether no other request is taken."""
        ...

    def holds(self, size: int) -> bool:
        """Whether so many bytes of a body were received already."""
        ...

    async def body(self, most: int) -> bytes:
        """Some bytes of a body, at most so many; b"" when the client is gone."""
        ...

    async def departure(self) -> None:
        """Return when the client is gone, or `give_up_watching` was called."""
        ...

    def give_up_watching(self) -> None:
        """The answer is given: nobody needs to know any more whether the client is there."""
        ...

    async def write(self, data: bytes) -> bool:
        """Whether the client took it all."""
        ...


class Exchange:
    """`receive` and `send` are the application's."""

    def __init__(self, line: Line, head: PlainHead) -> None:
        self._line = line
        self._head = head
        self._body_told = False
        self._start: Message | None = None
        self._owed: int | None = None
        """Bytes of the body that the answer's Content-Length still promises; None when it is sent in chunks."""
        self._silent = head.method == "HEAD"
        self.left = head.length
        """Bytes of the request's body that the application has not taken."""
        self.keeps = head.keep
        """Whether another request may follow."""
        self.began = False
        self.complete = False

    def scope(self, ends: Ends) -> Message:
        """The request, for the application."""
        head = self._head
        path, _, query = head.target.partition(b"?")
        return {
            "type": "http",
            "http_version": "1.1",
            "asgi": _ASGI,
            "method": head.method,
            "scheme": ends.scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": head.headers,
            "client": ends.client,
            "server": ends.server,
            "state": ends.state.copy(),
            "extensions": {},
        }

    # --- the request -----------------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next piece of the body; after the last one the end: of the answer, or of the connection."""
        if self._body_told:
            if self.complete:
                await trio.lowlevel.checkpoint()
            else:
                await self._line.departure()
            return {"type": "http.disconnect"}
        data = b""
        if self.left:
            data = await self._line.body(self.left)
            if not data:
                self._body_told = True
                return {"type": "http.disconnect"}
            self.left -= len(data)
        self._body_told = not self.left
        return {"type": "http.request", "body": data, "more_body": self.left > 0}

    # --- the answer ------------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Raises ClientGone, and ValueError for what is no answer."""
        if message["type"] == "http.response.start":
            if self._start is not None:
                raise ValueError("the answer has begun already")
            self._start = message
        elif message["type"] == "http.response.body":
            await self._say(bytes(message.get("body", b"")), bool(message.get("more_body", False)))

    async def _say(self, body: bytes, more: bool) -> None:
        if self._start is None:
            raise ValueError("an answer begins with http.response.start")
        if more or self.complete:
            # An application that only sends must not keep the others waiting.
            await trio.lowlevel.checkpoint()
        if self.complete:
            return
        head = b"" if self.began else self._announce(self._start, None if more else len(body))
        data = head + self._framed(body, more)
        self.began = True
        if not more:
            self.complete = True
            self._line.give_up_watching()
        if data and not await self._line.write(data):
            raise ClientGone("the client is gone")

    def _announce(self, start: Message, whole: int | None) -> bytes:
        """The head of the answer; `whole`: the size of its body, if that is all of it."""
        status = int(start["status"])
        lines = [_LINES.get(status) or b"HTTP/1.1 %d " % status]
        length = self._headers(start, lines)
        if length is None:
            length = whole
        if status in _BODILESS:
            self._silent = True
        elif length is not None:
            self._owed = length
            lines.append(b"content-length: %d" % length)
        elif not self._silent:
            lines.append(b"transfer-encoding: chunked")
        if self._line.stopping or not self._line.holds(self.left):
            self.keeps = False
        if not self.keeps:
            lines.append(b"connection: close")
        lines.append(_date(int(time())))
        head = b"\r\n".join(lines)
        if not head.count(b"\n") == head.count(b"\r") == len(lines) - 1 or b"\0" in head:
            raise ValueError("a header of an answer holds neither line ends nor NUL")
        return head + b"\r\n\r\n"

    def _headers(self, start: Message, lines: list[bytes]) -> int | None:
        """Add the application's headers; the Content-Length among them."""
        length = None
        for raw_name, raw_value in start.get("headers", ()):
            name, value = _checked(raw_name), bytes(raw_value).strip()
            if name not in _OURS:
                lines.append(name + b": " + value)
            elif name == b"content-length":
                length = int(value)
            elif name == b"connection" and b"close" in value.lower():
                self.keeps = False
        return length

    def _framed(self, body: bytes, more: bool) -> bytes:
        if self._silent:
            return b""
        if self._owed is not None:
            self._owed -= len(body)
            if self._owed < 0 or (self._owed and not more):
                raise ValueError("the answer is not as long as its Content-Length")
            return body
        piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return piece if more else piece + b"0\r\n\r\n"


@lru_cache(512)
def _checked(name: bytes) -> bytes:
    """The name of a header in lower case. Raises ValueError."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a header")
    return name.lower()


@lru_cache(1)
def _date(second: int) -> bytes:
    return b"date: " + formatdate(second, usegmt=True).encode()
