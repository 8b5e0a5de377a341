"""What the plain reader takes is what `strict` takes, and it reads the same."""

import time

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.http.requests import LEGAL, REFUSED, Sent

from chatserver.net.plain_head import read_plain
from chatserver.net.strict import HEAD_LIMIT, StrictConnection

GET = b"GET /a?b=%20c HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nX: a  b\t\r\n\r\n"


def agree(data: bytes) -> bool:
    """Whether it is plain; fails when `strict` reads it otherwise."""
    head = read_plain(data, HEAD_LIMIT)
    if head is None:
        return False
    connection = StrictConnection()
    connection.receive_data(data[: head.size] + b"x" * min(head.length, 1000))
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method.decode(), event.target, list(event.headers)) == (head.method, head.target, head.headers)
    body = connection.next_event()
    if head.length:
        assert isinstance(body, h11.Data)
    else:
        assert isinstance(body, h11.EndOfMessage)
    closing = any(name == b"connection" and value.lower() == b"close" for name, value in event.headers)
    assert head.keep != closing
    return True


@pytest.mark.parametrize("sent", REFUSED, ids=lambda sent: sent.name)
def test_what_is_refused_is_not_plain_or_ends_where_strict_ends_it(sent: Sent) -> None:
    assert not agree(sent.raw)


@pytest.mark.parametrize("sent", LEGAL, ids=lambda sent: sent.name)
def test_what_is_legal_is_read_alike(sent: Sent) -> None:
    agree(sent.raw)


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (GET, True),
        (GET + b"more", True),
        (b"POST / HTTP/1.1\r\nhost:x\r\nCONTENT-LENGTH: \t5 \r\nConnection: Keep-Alive\r\n\r\nhello", True),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1234567890123456\r\nConnection: close\r\n\r\n", True),
        (b"DELETE /x HTTP/1.1\r\nHost: x\r\nX: \xff\r\nX: again\r\nEmpty:\r\n\r\n", True),
        (GET[:-1], False),
        (GET.replace(b"X: ", b"X: \x01"), False),
        (GET.replace(b"X: ", b"Expect: 100-continue\r\nX: "), False),
        (GET.replace(b"X: ", b"Upgrade: websocket\r\nX: "), False),
        (GET.replace(b"X: ", b"Sec-WebSocket-Key: x\r\nX: "), False),
        (GET.replace(b"X: ", b"Connection: keep-alive, x\r\nX: "), False),
        (GET.replace(b"X: ", b"Connection: close\r\nConnection: close\r\nX: "), False),
        (GET.replace(b"X: ", b"Content-Length: 12345678901234567\r\nX: "), False),
        (GET.replace(b"X: ", b"X: " + b"y" * HEAD_LIMIT), False),
        (GET.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (GET.replace(b"/a", b"http://x/a"), False),
        (GET.replace(b"GET", b"PROPFIND"), False),
        (b"\r\n" + GET, False),
        (b"", False),
    ],
)
def test_what_is_plain(data: bytes, plain: bool) -> None:
    assert agree(data) is plain


_SPLICES = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\x0b",
    b"\xff",
    b"0",
    b"5",
    b",",
    b"chunked",
    b"HTTP/1.1",
)
_LINES = (
    *(b"Host: x", b"Host: y", b"Content-Length: 5", b"content-length:0", b"Content-Length: 05", b"Connection: close"),
    *(b"Connection: keep-alive", b"Transfer-Encoding: chunked", b"Upgrade: h2c", b"X-Y: z", b"Cookie: a=b; c=d"),
)


@given(
    lines=st.lists(st.sampled_from(_LINES) | st.binary(max_size=12), max_size=6),
    splices=st.lists(st.tuples(st.integers(0, 120), st.sampled_from(_SPLICES) | st.binary(max_size=3)), max_size=3),
    method=st.sampled_from([b"GET", b"POST", b"get", b"CONNECT", b"HEAD"]),
    target=st.sampled_from([b"/", b"/a/b?c", b"*", b"//x", b"/a#b", b"http://x/"]),
)
def test_wild_heads_are_read_alike(
    lines: list[bytes], splices: list[tuple[int, bytes]], method: bytes, target: bytes
) -> None:
    data = b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: x", *lines]) + b"\r\n\r\nhello"
    agree(data)
    for place, splice in splices:
        data = data[:place] + splice + data[place:]
        agree(data)


@pytest.mark.parametrize("piece", [b" ", b"a ", b"\t", b"a", b"a:", b"a: b\r\n", b"a:\r\n", b"a: \t\x01"])
def test_no_head_takes_long(piece: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\nX: a" + piece * (HEAD_LIMIT // len(piece)) + b"\x01\r\n\r\n"
    began = time.perf_counter()
    for _ in range(10):
        assert read_plain(data, len(data)) is None
    assert time.perf_counter() - began < 0.5
