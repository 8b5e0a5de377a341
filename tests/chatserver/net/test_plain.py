"""The plain lane: how answers are framed, where it hands over to the other one, and what it tells the application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from tests.chatserver.net.waiting import until
from tests.conformance.echoing import EchoGateway
from tests.conformance.http.answers import Answer, answers_in, exchange

from chatserver.net import hypercorn_http
from chatserver.net.plain import AHEAD
from chatserver.net.server import serve_listeners

Handler = Callable[[Any, Any, Any], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def serving(handler: Handler, **options: Any) -> AsyncIterator[int]:
    """The port of a server whose application is this handler of requests."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            return await handler(scope, receive, send)
        for _ in range(2):
            message = await receive()
            await send({"type": message["type"] + ".complete"})

    gateway: Any = EchoGateway()
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[int]) -> None:
            await serve_listeners(app, gateway, host="127.0.0.1", port=0, task_status=task_status, **options)

        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


def saying(*pieces: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Handler:
    """A handler that answers with these pieces."""

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return handler


async def answered(handler: Handler, raw: bytes = GET * 2, method: str = "GET") -> list[Answer]:
    async with serving(handler) as port:
        return answers_in((await exchange(port, raw)).data, [method] * raw.count(b"HTTP/1.1"))


async def test_an_answer_says_how_long_it_is() -> None:
    first, second = await answered(saying(b"hello", headers=((b"X-Y", b" z "),)))
    assert (first.status, first.body, first.headers[b"x-y"]) == (200, b"hello", b"z")
    assert b"GMT" in first.headers[b"date"]
    assert second.body == b"hello"


async def test_an_answer_in_pieces_is_chunked() -> None:
    async with serving(saying(b"he", b"", b"llo")) as port:
        reply = await exchange(port, GET * 2)
    head, _, body = reply.data.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body.startswith(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nHTTP/1.1 200 OK")
    assert not reply.closed


async def test_pieces_of_a_known_length_are_not() -> None:
    first, _ = await answered(saying(b"he", b"llo", headers=((b"content-length", b"5"),)))
    assert first.body == b"hello"
    assert b"transfer-encoding" not in first.headers


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_what_has_no_body_gets_none(status: int) -> None:
    method = "HEAD" if status == 200 else "GET"
    raw = GET.replace(b"GET", method.encode()) * 2
    answers = await answered(saying(b"hello", status=status), raw, method)
    assert [(answer.status, answer.body) for answer in answers] == [(status, b"")] * 2
    assert answers[0].headers.get(b"content-length") == (b"5" if status == 200 else None)


@pytest.mark.parametrize(
    "handler",
    [
        saying(b"x", headers=((b"x", b"a\r\nset-cookie: b"),)),
        saying(b"x", headers=((b"x", b"a\nb"),)),
        saying(b"x", headers=((b"x", b"a\0b"),)),
        saying(b"x", headers=((b"x: y\r\nz", b"a"),)),
        saying(b"x", headers=((b"x y", b"a"),)),
        saying(b"too much", headers=((b"content-length", b"3"),)),
        saying(b"too little", headers=((b"content-length", b"30"),)),
        saying(b"x", headers=((b"content-length", b"many"),)),
        saying(),
    ],
)
async def test_an_answer_that_is_none_is_a_failure_of_ours(handler: Handler) -> None:
    (answer,) = await answered(handler)
    assert answer.status == 500
    assert answer.headers[b"connection"] == b"close"
    assert b"set-cookie" not in answer.headers
    assert b"INTERNAL_ERROR" in answer.body


async def test_an_answer_that_breaks_off_ends_the_connection() -> None:
    async with serving(saying(b"he", b"llo, world", headers=((b"content-length", b"5"),))) as port:
        reply = await exchange(port, GET * 2)
    assert reply.data.endswith(b"\r\n\r\nhe")
    assert reply.closed


@pytest.mark.parametrize(
    ("raw", "headers"), [(GET[:-2] + b"Connection: close\r\n\r\n", ()), (GET, ((b"connection", b"close"),))]
)
async def test_either_side_may_end_it(raw: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    async with serving(saying(b"bye", headers=headers)) as port:
        reply = await exchange(port, raw + GET)
    (answer,) = answers_in(reply.data, ["GET"])
    assert answer.headers[b"connection"] == b"close"
    assert reply.closed


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body, more = body + message["body"], message["more_body"]
    answer = scope["path"].encode() + b" " + body
    await saying(answer, headers=((b"content-length", b"%d" % len(answer)),))(scope, receive, send)


async def test_what_is_not_plain_goes_on_in_the_other_lane() -> None:
    chunks = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    async with serving(echo) as port:
        reply = await exchange(port, GET + chunks + GET.replace(b"/ ", b"/c "))
        refused = await exchange(port, GET + b"nonsense\r\n\r\n")
    assert [answer.body for answer in answers_in(reply.data, ["GET"] * 3)] == [b"/ ", b"/b hi", b"/c "]
    assert [answer.status for answer in answers_in(refused.data, ["GET"])] == [200, 400]
    assert refused.closed


async def test_a_body_may_come_in_pieces() -> None:
    async with serving(echo) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"POST /%C3%BC?q HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
        for piece in (b"a", b"bc", b"def" + GET):
            await trio.testing.wait_all_tasks_blocked(0.01)
            await stream.send_all(piece)
        got = b""
        while got.count(b"HTTP/1.1") < 2 or not got.endswith(b"/ "):
            got += await stream.receive_some()
        await stream.aclose()
    assert [answer.body for answer in answers_in(got, ["POST", "GET"])] == ["/ü abcdef".encode(), b"/ "]


async def test_who_answers_before_the_body_came_hangs_up_after_that() -> None:
    async with serving(saying(b"no", status=413)) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(100_000))
        await stream.send_all(bytes(800_000))
        got = b""
        while piece := await stream.receive_some():
            got += piece
        await stream.aclose()
    (answer,) = answers_in(got, ["POST"])
    assert (answer.status, answer.body, answer.headers[b"connection"]) == (413, b"no", b"close")


async def test_the_application_learns_that_the_client_is_gone() -> None:
    told: list[str] = []

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            told.append(message["type"])
            if message["type"] == "http.disconnect":
                return

    async with serving(waiting) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(GET)
        await until(lambda: told == ["http.request"])
        await stream.aclose()
        await until(lambda: told == ["http.request", "http.disconnect"])


async def test_the_application_learns_that_its_answer_is_given() -> None:
    told: list[str] = []

    async def both(scope: Any, receive: Any, send: Any) -> None:
        async def listen() -> None:
            for _ in range(3):
                told.append((await receive())["type"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.testing.wait_all_tasks_blocked(0.01)
            await saying(b"x")(scope, receive, send)

    assert len(await answered(both)) == 2
    assert told == ["http.request", "http.disconnect", "http.disconnect"] * 2


async def test_so_much_is_read_ahead_and_no_more() -> None:
    go_on = trio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                while True:
                    await receive()

            nursery.start_soon(listen)
            await go_on.wait()
            await saying(b"x")(scope, receive, send)
            nursery.cancel_scope.cancel()

    async with serving(slow) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        with trio.move_on_after(1) as full:
            while True:
                await stream.send_all(GET * (AHEAD // len(GET)))
        assert full.cancelled_caught
        await trio.aclose_forcefully(stream)
        go_on.set()


async def test_an_idle_connection_is_ended(autojump_clock: trio.testing.MockClock) -> None:
    async with serving(saying(b"x")) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(GET)
        await stream.receive_some()
        began = trio.current_time()
        assert await stream.receive_some() == b""
        assert trio.current_time() - began == pytest.approx(hypercorn_http.KEEP_ALIVE_SECONDS, abs=1)
        await stream.aclose()
