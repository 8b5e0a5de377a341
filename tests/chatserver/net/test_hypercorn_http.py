"""The eight ways in which the stock worker falls, and some more: ours stands, and serves the others meanwhile."""

import json
import resource
import socket
from typing import Any

import pytest
import trio
import trio.testing
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import TEXT, close_frame, frame
from tests.chatserver.net.waiting import until

from chatserver.net import hypercorn_http
from chatserver.net.socket import FRAME_LIMIT


async def ok(server: Any) -> None:
    """Somebody else is still served, over HTTP and over WebSocket."""
    client = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
    status, _, body = await client.get("/")
    assert (status, body) == (200, b"xx")
    await client.aclose()
    other = await server.joined(server.team.bob)
    await other.aclose()


async def raw(server: Any, data: bytes) -> bytes:
    """What comes back until the connection is over."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    await stream.send_all(data)
    got = b""
    with trio.move_on_after(5):
        try:
            while piece := await stream.receive_some():
                got += piece
        except trio.BrokenResourceError:
            pass
    await trio.aclose_forcefully(stream)
    return got


# 1. One byte before sign-in kills the worker.
@pytest.mark.parametrize("header", ["Sec-WebSocket-Protocol: \xff", "Sec-WebSocket-Extensions: \xff", "Origin: \xff"])
@pytest.mark.parametrize("lane", ["native", "shared"])
async def test_one_strange_byte_kills_nothing(make_server: Any, header: str, lane: str) -> None:
    async with make_server(lane) as server:
        client = Client(await server.stream())
        status, _, _ = await client.upgrade(headers=(header,))
        assert status in (101, 400, 403)
        await client.aclose()
        await ok(server)


# 2. A write to a peer that does not read never ends.
async def test_a_peer_that_does_not_read_is_given_up(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_http, "STALL_SECONDS", 0.5)
    stream = await trio.open_tcp_stream("127.0.0.1", native.port)
    await stream.send_all(b"GET /?90000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    await trio.sleep(0.1)
    await ok(native)
    await trio.sleep(1.5)
    with trio.fail_after(5):
        got = 0
        try:
            while piece := await stream.receive_some():
                got += len(piece)
        except trio.BrokenResourceError:
            pass
    assert got < 90_000_000
    await trio.aclose_forcefully(stream)


async def test_a_peer_that_reads_slowly_gets_everything(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_http, "STALL_SECONDS", 0.5)
    stream = await trio.open_tcp_stream("127.0.0.1", native.port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    await stream.send_all(b"GET /?9000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = 0
    while piece := await stream.receive_some(1_000_000):
        got += len(piece)
        await trio.sleep(0.05)
    assert got > 9_000_000
    await trio.aclose_forcefully(stream)


# 3. After 1009 it keeps reading and buffering.
@pytest.mark.parametrize("lane", ["native", "shared"])
async def test_after_an_oversized_message_nothing_is_buffered(make_server: Any, lane: str) -> None:
    async with make_server(lane) as server:
        ada = await server.joined(server.team.ada)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = 200 * 1024 * 1024
        header = b"\x81\xff" + size.to_bytes(8, "big") + bytes(4)
        with trio.move_on_after(10):
            try:
                await ada.send(header)
                for _ in range(size // 65536):
                    await ada.send(bytes(65536))
            except trio.BrokenResourceError:
                pass
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
        await ok(server)


# 4. permessage-deflate is always accepted.
@pytest.mark.parametrize("lane", ["native", "shared"])
async def test_nothing_is_inflated(make_server: Any, lane: str) -> None:
    async with make_server(lane) as server:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        client = await server.client(headers=(offer,))
        await client.send(frame(TEXT, b"x", reserved=4))
        assert await client.closed() == 1002


# 5. A loop that only sends to a departed client neither raises nor yields.
async def test_an_application_that_sends_to_nobody_is_told_so(make_server: Any) -> None:
    told: list[BaseException] = []

    async def chatterbox(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or scope["path"] != "/endless":
            from tests.chatserver.net.conftest import small_app

            return await small_app(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        except OSError as error:
            told.append(error)
            raise

    async with make_server(app=chatterbox) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        await stream.send_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.receive_some()
        await trio.aclose_forcefully(stream)
        await until(lambda: bool(told))
        assert isinstance(told[0], hypercorn_http.ClientGone)
        await ok(server)


# 6. With pings on, a peer that never pongs is kept.
async def test_a_silent_websocket_behind_http_is_given_up(make_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_http, "SILENCE_SECONDS", 0.5)
    async with make_server("shared") as server:
        ada = await server.joined(server.team.ada)
        with trio.fail_after(5):
            await ada.gone()
        await until(lambda: server.gateway.connections == 0)


# 7. A crash in the application leaves a zombie.
async def test_a_request_that_crashes_the_application_ends_that_request_only(native: Any) -> None:
    client = Client(await trio.open_tcp_stream("127.0.0.1", native.port))
    status, _, _ = await client.get("/crash")
    assert status == 500
    await client.aclose()
    await ok(native)


async def test_a_goodbye_that_is_answered_ends_that_connection_only(make_server: Any) -> None:
    async with make_server("shared") as server:
        for end in (close_frame(4401), close_frame(1000) + frame(TEXT, b"late") * 100):
            client = await server.client(headers=("Authorization: Bearer nope",))
            assert await client.closed() == 4401
            await client.send(end)
            await client.gone()
            await ok(server)
        ada = await server.joined(server.team.ada)
        await ada.send(close_frame(1000))
        await ada.gone()
        await ok(server)


# 8. h2c is accepted; so are two framings of one request.
async def test_no_upgrade_to_http2_without_tls(native: Any) -> None:
    settings = b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    answer = await raw(native, b"GET / HTTP/1.1\r\nHost: x\r\n" + settings + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    prior = await raw(native, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert prior.startswith(b"HTTP/1.1 505")
    await ok(native)


SMUGGLED = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 45\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 45\r\n",
        b"Transfer-Encoding: chunked\r\ncontent-length: 45\r\n",
        b"Content-Length: 45\r\nContent-Length: 46\r\n",
        b"Content-Length: 45, 46\r\n",
        b"Content-Length: +45\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"Transfer\0-Encoding: chunked\r\n",
        b"X: a\0b\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    native: Any, head: bytes
) -> None:
    answer = await raw(native, b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + SMUGGLED)
    first, _, rest = answer.partition(b"\r\n")
    assert first.split()[1] in (b"400", b"501"), answer
    assert answer.count(b"HTTP/1.1") == 1
    assert json.loads(rest.partition(b"\r\n\r\n")[2])["error"]["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"\0" * 100,
        b"GET /api/realtime HTTP/1.1\r\nHost: a\r\nHost: b\r\nUpgrade: websocket\r\n\r\n",
        b"GET /api/realtime\xff HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_and_closed(native: Any, data: bytes) -> None:
    answer = await raw(native, data)
    assert answer == b"" or answer.split()[1] in (b"400", b"505"), answer
    await ok(native)


async def test_a_head_that_is_too_large_is_refused(native: Any) -> None:
    for path in (b"/", b"/api/realtime"):
        big = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000
        answer = await raw(native, big)
        assert answer == b"" or answer.split()[1] in (b"400", b"431"), answer[:200]
    await ok(native)


@pytest.mark.parametrize("head", [b"", b"GET", b"GET /api/realtime HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHo"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    make_server: Any, head: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with make_server() as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        await stream.send_all(head)
        began = trio.current_time()
        while await stream.receive_some():
            pass
        assert trio.current_time() - began <= hypercorn_http.KEEP_ALIVE_SECONDS + 1
        await trio.aclose_forcefully(stream)


async def test_requests_follow_each_other_on_one_connection(native: Any) -> None:
    client = Client(await trio.open_tcp_stream("127.0.0.1", native.port))
    for size in (1, 70_000, 0, 5):
        assert (await client.get(f"/?{size}"))[2] == b"x" * size
    await client.aclose()


async def test_a_websocket_elsewhere_is_the_applications_affair(native: Any) -> None:
    client = Client(await trio.open_tcp_stream("127.0.0.1", native.port))
    status, _, _ = await client.upgrade(path="/elsewhere")
    assert status == 403
    await client.aclose()


async def test_the_largest_frame_is_no_oversize_behind_http(make_server: Any) -> None:
    async with make_server("shared") as server:
        ada = await server.joined(server.team.ada)
        for _ in range(5):
            await ada.send(frame(TEXT, b'{"type":"x","id":"1"' + b" " * (FRAME_LIMIT - 21) + b"}"))
            assert (await ada.hear("reply"))["error"]["code"] == "VALIDATION_FAILED"
