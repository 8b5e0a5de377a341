"""Request heads of the plainest form, read in microseconds.

Here stands only what nobody could read in two ways: HTTP/1.1, a path, one Host, at most one length, no transfer
coding, nothing that changes the protocol. It is a part of what `strict` takes, and reads as the same; whatever is not
in it is `strict`'s to judge.
"""

import re

import attrs

# Possessive throughout: nothing is tried twice, so the time is linear in the size whatever is sent.
_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]++"
_VALUE = rb"[\x21-\x7e\x80-\xff]++(?:[ \t]++[\x21-\x7e\x80-\xff]++)*+"
_HEAD = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[\x21-\x7e]*+) HTTP/1\.1\r\n"
    rb"((?:" + _TOKEN + rb":[ \t]*+(?:" + _VALUE + rb")?+[ \t]*+\r\n)++)\r\n"
)
_LENGTH = re.compile(rb"[0-9]{1,16}\Z")
_NOT_PLAIN = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"http2-settings", b"trailer", b"te"})
_CONNECTION = {b"keep-alive": True, b"close": False}
_END = b"\r\n\r\n"


@attrs.define(eq=False)
class PlainHead:
    """`length`: bytes of the body. `keep`: the client wants to send more on this connection."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    length: int
    keep: bool
    size: int
    """Bytes of the head itself."""


def read_plain(data: bytes, limit: int) -> PlainHead | None:
    """The head that `data` begins with; None when it is not whole, not plain, or has more than `limit` bytes."""
    size = data.find(_END) + len(_END)
    if not len(_END) <= size <= limit:
        return None
    whole = _HEAD.match(data, 0, size)
    if whole is None:
        return None
    pairs = [line.partition(b":") for line in whole[3][:-2].split(b"\r\n")]
    headers = [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]
    named = dict(headers)
    if named.keys() & _NOT_PLAIN or any(name.startswith(b"sec-websocket") for name in named):
        return None
    length = named.get(b"content-length", b"0")
    keep = _CONNECTION.get(named.get(b"connection", b"keep-alive").lower())
    host = named.get(b"host")
    if host is None or not host or b" " in host or b"\t" in host or keep is None or not _LENGTH.match(length):
        return None
    if len(named) != len(headers) and _is_ambiguous(headers):
        return None
    return PlainHead(whole[1].decode(), whole[2], headers, int(length), keep, size)


def _is_ambiguous(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a header that decides about the connection is there twice."""
    names = [name for name, _ in headers]
    return any(names.count(name) > 1 for name in (b"host", b"content-length", b"connection"))
