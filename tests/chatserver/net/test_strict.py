"""What is refused of HTTP/1.1, and with which status; tests/conformance has it against a running server."""

import h11
import pytest

from chatserver.net.strict import StrictConnection


def first(data: bytes) -> h11.Request:
    """The request that the bytes begin with."""
    connection = StrictConnection()
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    return event


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET /a?b HTTP/1.1", b"/a?b"),
        (b"OPTIONS * HTTP/1.1", b"*"),
        (b"GET http://Chat.example/a?b HTTP/1.1", b"/a?b"),
        (b"GET HTTPS://chat.example HTTP/1.1", b"/"),
    ],
)
def test_a_target_is_a_path_in_the_end(line: bytes, target: bytes) -> None:
    assert first(line + b"\r\nHost: chat.example\r\n\r\n").target == target


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET http://other.example/ HTTP/1.1\r\nHost: chat.example\r\n\r\n", 400),
        (b"GET http:/// HTTP/1.0\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 501),
        (b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 184467440737095516\r\n\r\n", 413),
        (b"GET / HTTP/1.1\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(h11.RemoteProtocolError) as refused:
        first(data)
    assert refused.value.error_status_hint == status


def test_what_is_never_given_is_not_heard_of() -> None:
    asked = b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX: y\r\n"
    headers = list(first(b"GET / HTTP/1.1\r\nHost: x\r\n" + asked + b"\r\n").headers)
    assert headers == [(b"host", b"x"), (b"x", b"y")]


def test_the_largest_chunk_is_one_that_everybody_can_count() -> None:
    for header, fits in ((b"fffffffffffffff\r\n", True), (b"1000000000000000\r\n", False)):
        connection = StrictConnection()
        connection.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + header)
        connection.next_event()
        if fits:
            assert connection.next_event() is h11.NEED_DATA
        else:
            with pytest.raises(h11.RemoteProtocolError):
                connection.next_event()
