"""Requests whose end can be told in two ways, beside some that only look so.

Wherever two readers may disagree, a second request lies hidden: `/smuggled` must never reach an application.
"""

import attrs

HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
_LAST = b"0\r\n\r\n"


@attrs.frozen
class Sent:
    """`serves`: the requests that RFC 9112 finds in there, in order. `refused`: what follows them gets one answer that
    refuses it, and the connection is closed."""

    name: str
    raw: bytes = attrs.field(repr=False)
    serves: tuple[str, ...] = ()
    refused: bool = True


def post(headers: bytes, body: bytes, path: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n%b" % (path, headers, body)


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n" % size


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_BODY = _LAST + HIDDEN
"""Empty when it is read in chunks, and longer when it is not."""
_NOT_CHUNKED = length(len(_BODY))

_CONFLICTS = [
    Sent("CL.TE", post(_NOT_CHUNKED + CHUNKED, _BODY)),
    Sent("TE.CL", post(CHUNKED + length(4), chunk(HIDDEN) + _LAST)),
    Sent("CL.0", post(length(0) + CHUNKED, _BODY)),
    Sent("two lengths", post(length(5) + length(len(HIDDEN) + 5), b"hello" + HIDDEN)),
    Sent("two lengths in one", post(b"Content-Length: 5, %d\r\n" % len(HIDDEN), b"hello" + HIDDEN)),
    Sent("chunked twice", post(CHUNKED + CHUNKED, _BODY)),
    Sent("chunked in HTTP/1.0 with a length", post(_NOT_CHUNKED + CHUNKED, _BODY).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
]

_ENCODINGS = [
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked\x0c",
    b"Transfer-Encoding: \x00chunked",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer-Encoding: 'chunked'",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: \xc4\xa7chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: x\r\n chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding\r\n: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\n",
    b"Foo\nTransfer-Encoding: chunked",
    b": x\r\nTransfer-Encoding: chunked",
    b"Transfer Encoding: chunked",
    b"Transfer-Encoding\xa0: chunked",
    b"\xefTransfer-Encoding: chunked",
]
"""Each is said beside a Content-Length: whoever takes one of them for `chunked` finds the hidden request."""

_LENGTHS = [
    b"+5", b"-5", b"0x5", b"5 5", b"5;", b"5.0", b"1_0", b"5e0", b"\xb2", b"", b" ", b"five",
    b"5,", b"5, 6", b"99999999999999999999999999", b"18446744073709551621", b"5\r\n 6", b"\x0b5", b"'5'",
]  # fmt: skip

_CHUNKS = {
    "a size with 0x": b"0x5\r\nhello\r\n",
    "a size with a sign": b"+5\r\nhello\r\n",
    "a negative size": b"-1\r\nhello\r\n",
    "a size in quotes": b'"5"\r\nhello\r\n',
    "a size with a space before": b" 5\r\nhello\r\n",
    "no size": b"\r\nhello\r\n",
    "a size that overflows 64 bits": b"10000000000000005\r\nhello\r\n",
    "a size that overflows everything": b"f" * 300 + b"\r\nhello\r\n",
    "a size that ends with LF": b"5\nhello\r\n",
    "a size that ends with CR": b"5\rhello\r\n",
    "an extension that ends with LF": b"5;a\nhello\r\n",
    "an extension that hides a line": b'5;a="\n"\r\nhello\r\n',
    "an extension that hides CR": b"5;a=\rx\r\nhello\r\n",
    "data that ends with LF": b"5\r\nhello\n",
    "data that ends with anything": b"5\r\nhelloXX",
    "more data than announced": b"5\r\nhello, world\r\n",
    "less data than announced": b"5\r\nhell\r\n",
    "a trailer that is folded": b"0\r\nX: y\r\n z\r\n\r\n",
    "a trailer that ends with LF": b"0\r\nX: y\n\r\n",
    "a trailer with a space before its colon": b"0\r\nX : y\r\n\r\n",
    "a trailer that is none": b"0\r\nnonsense\r\n\r\n",
}

_HEADS = {
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "a folded first header": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "lines that end with LF": b"GET / HTTP/1.1\nHost: x\n\n",
    "one line that ends with LF": b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "an end with LF": b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    "a line that ends with CR": b"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space at the end": b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
    "a space in the path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /\r\nHost: x\r\n\r\n",
    "another protocol": b"GET / HTTPS/1.1\r\nHost: x\r\n\r\n",
    "a version that is none": b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
    "HTTP/2": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "another host in the target": b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target that is no address": b"GET smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
}

_GET = b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
_TWO = b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n"
_BOTH = ("GET /one", "GET /two")
_HELD = HIDDEN.decode()

LEGAL = [
    Sent("one after the other", _GET + _TWO, _BOTH, refused=False),
    Sent(
        "a body with a length",
        post(length(len(HIDDEN)), HIDDEN) + _TWO,
        (f"POST / {_HELD}".rstrip(), "GET /two"),
        False,
    ),
    Sent(
        "a body in chunks", post(CHUNKED, chunk(HIDDEN) + _LAST) + _TWO, (f"POST / {_HELD}".rstrip(), "GET /two"), False
    ),
    Sent(
        "a GET with a body",
        _GET[:-2] + length(len(HIDDEN)) + b"\r\n" + HIDDEN + _TWO,
        (f"GET /one {_HELD}".rstrip(), "GET /two"),
        False,
    ),
    Sent(
        "a HEAD with a body",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n" + length(len(HIDDEN)) + b"\r\n" + HIDDEN + _TWO,
        (f"HEAD / {_HELD}".rstrip(), "GET /two"),
        False,
    ),
    Sent(
        "chunked in capitals",
        post(b"transfer-ENCODING:\t ChUnKeD \r\n", chunk(b"hello") + _LAST) + _TWO,
        ("POST / hello", "GET /two"),
        False,
    ),
    Sent(
        "an extension",
        post(CHUNKED, b'5;a=b;c="d;e"\r\nhello\r\n0;z\r\n\r\n') + _TWO,
        ("POST / hello", "GET /two"),
        False,
    ),
    Sent(
        "zeroes before a size",
        post(CHUNKED, b"0005\r\nhello\r\n000\r\n\r\n") + _TWO,
        ("POST / hello", "GET /two"),
        False,
    ),
    Sent(
        "trailers change nothing",
        post(CHUNKED, b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n") + _TWO,
        ("POST / hello", "GET /two"),
        False,
    ),
    Sent("the same length twice", post(length(5) + length(5), b"hello") + _TWO, ("POST / hello", "GET /two"), False),
    Sent(
        "an underscore is no dash",
        post(b"Transfer_Encoding: chunked\r\n" + _NOT_CHUNKED, _BODY) + _TWO,
        (f"POST / {_BODY.decode()}".rstrip(), "GET /two"),
        False,
    ),
    Sent("the host in the target", b"GET http://x/one HTTP/1.1\r\nHost: x\r\n\r\n" + _TWO, _BOTH, False),
    Sent("an upgrade to HTTP/2", _GET[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + _TWO, _BOTH, False),
    Sent(
        "a body that nobody reads",
        post(length(len(HIDDEN)), HIDDEN, b"/ignores") + _TWO,
        ("POST /ignores", "GET /two"),
        False,
    ),
    Sent(
        "chunks that nobody reads",
        post(CHUNKED, chunk(HIDDEN) + _LAST, b"/ignores") + _TWO,
        ("POST /ignores", "GET /two"),
        False,
    ),
    Sent(
        "a body that was expected",
        post(b"Expect: 100-continue\r\n" + length(len(HIDDEN)), HIDDEN) + _TWO,
        (f"POST / {_HELD}".rstrip(), "GET /two"),
        False,
    ),
    Sent("what is refused ends it", _GET + b"nonsense\r\n\r\n" + HIDDEN, ("GET /one",)),
]
"""Requests that one can be sure of."""

_UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
_SOCKET = b"GET /api/realtime HTTP/1.1\r\nHost: x\r\n" + _UPGRADE
_VERSION = b"Sec-WebSocket-Version: 13\r\n"
_UPGRADES = {
    "an old version": _SOCKET + b"Sec-WebSocket-Version: 8\r\n\r\n",
    "no version": _SOCKET + b"\r\n",
    "a length": _SOCKET + _VERSION + length(0) + b"\r\n",
    "chunks": _SOCKET + _VERSION + CHUNKED + b"\r\n" + _LAST,
    "LF": (_SOCKET + _VERSION + b"\r\n").replace(b"\r\n", b"\n"),
    "another address": (_SOCKET + _VERSION + b"\r\n").replace(b"/api/realtime", b"/elsewhere"),
}
"""Whoever believes that the connection is a tunnel now lets the hidden request pass unseen."""

REFUSED = [
    *_CONFLICTS,
    *(Sent(f"encoding {line!r}", post(_NOT_CHUNKED + line + b"\r\n", _BODY)) for line in _ENCODINGS),
    *(Sent(f"length {value!r}", post(b"Content-Length: " + value + b"\r\n", b"hello" + HIDDEN)) for value in _LENGTHS),
    *(Sent(f"chunks: {name}", post(CHUNKED, data + _BODY)) for name, data in _CHUNKS.items()),
    *(Sent(f"head: {name}", data + HIDDEN) for name, data in _HEADS.items()),
    *(Sent(f"upgrade: {name}", data + HIDDEN) for name, data in _UPGRADES.items()),
]
"""Nothing in here is served."""
