"""HTTP/1.1 without the latitude that RFC 9112 leaves: what a proxy in front may have read differently is refused.

Two readers who disagree about where a request ends are how one request hides in another. The insides of h11 that are
used here, `_receive_buffer` and its two ways of taking lines, are why its minor version is pinned.
"""

import re
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer

HEAD_LIMIT = 16 * 1024
"""Bytes of a request head, where nothing else is configured."""

STRIPPED = frozenset({b"sec-websocket-extensions", b"http2-settings"})
"""Headers that ask for what is never given, and are dangerous to whoever tries to understand them."""

_FRAMINGS = frozenset({b"content-length", b"transfer-encoding"})
_DIGITS = 17
"""Of a length, or of the size of a chunk and the end of its line: more, and whoever counts in 64 bits may err."""
_LAX = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]")


class _Lines(ReceiveBuffer):
    """Lines of heads, chunk headers and trailers: they end with CRLF only, hold neither of the two otherwise (§2.2),
    and none is continued in the next (§5.2)."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def maybe_extract_lines(self) -> list[bytearray] | None:
        before = bytes(self._data)
        lines = super().maybe_extract_lines()
        if lines is not None:
            size = len(before) - len(self._data)
            # h11 holds only to its limit what comes in several pieces.
            if size > self._limit:
                raise h11.RemoteProtocolError("the head is too large", error_status_hint=431)
            _check(before[:size])
        return lines

    def maybe_extract_next_line(self) -> bytearray | None:
        line = super().maybe_extract_next_line()
        if line is not None:  # a chunk header: h11 takes no other line by itself
            _check(line)
            if len(line.partition(b";")[0]) > _DIGITS:
                raise h11.RemoteProtocolError("a chunk cannot be so large")
        return line


def _check(lines: bytes | bytearray) -> None:
    if _LAX.search(lines):
        raise h11.RemoteProtocolError("lines end with CRLF, and are not folded")


class StrictConnection(h11.Connection):
    """The server's side of a connection."""

    def __init__(self, head_limit: int = HEAD_LIMIT) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=head_limit)
        self._receive_buffer = _Lines(head_limit)

    def next_event(self) -> Any:
        event = super().next_event()
        return self._checked(event) if isinstance(event, h11.Request) else event

    def _checked(self, request: h11.Request) -> h11.Request:
        names = {name for name, _ in request.headers}
        if names >= _FRAMINGS:
            raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding contradict each other")
        if any(name == b"content-length" and len(value) > _DIGITS for name, value in request.headers):
            raise h11.RemoteProtocolError("a body cannot be so large", 413)
        host = next((value for name, value in request.headers if name == b"host"), b"")
        if b" " in host or b"\t" in host:
            raise h11.RemoteProtocolError("Host names one host")
        if request.http_version not in (b"1.0", b"1.1"):
            raise h11.RemoteProtocolError("HTTP/2 is spoken over TLS only", 505)
        target = _target(request, host)
        if target == request.target and not names & (STRIPPED | {b"upgrade", b"sec-websocket-protocol"}):
            return request
        kept = [(name, value) for name, value in request.headers if name not in STRIPPED and not _is_h2c(name, value)]
        if names & _FRAMINGS and any(name == b"upgrade" and b"websocket" in value.lower() for name, value in kept):
            raise h11.RemoteProtocolError("a request for a WebSocket has no body")
        if any(name.startswith(b"sec-websocket") and not value.isascii() for name, value in kept):
            raise h11.RemoteProtocolError("Sec-WebSocket headers are ASCII")
        version = request.http_version
        return h11.Request(method=request.method, target=target, headers=kept, http_version=version)


def _target(request: h11.Request, host: bytes) -> bytes:
    """The path: a target may name the host (§3.2.2), which must then be the one in Host."""
    target = request.target
    if request.method == b"CONNECT":
        raise h11.RemoteProtocolError("this is no proxy", 501)
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return target
    scheme, _, rest = target.partition(b"://")
    authority, _, path = rest.partition(b"/")
    if scheme.lower() in (b"http", b"https") and authority.lower() == host.lower() != b"":
        return b"/" + path
    raise h11.RemoteProtocolError("the target is a path, or an address whose host is that of Host")


def _is_h2c(name: bytes, value: bytes) -> bool:
    return name == b"upgrade" and value.strip().lower() == b"h2c"
