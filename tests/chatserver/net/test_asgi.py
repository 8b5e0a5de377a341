"""The plain lane against servers of every temper: slow, stuck, broken, and sparing with the truth."""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from chatserver.net.asgi import AsgiSocket, RealtimeApp
from chatserver.net.batch import Batch, Text, single
from chatserver.net.socket import FRAME_LIMIT, LINGER_SECONDS, QUEUE_LIMIT, STALL_SECONDS

CHUNK = Batch([Text(b"x" * 50_000)])


@attrs.define
class AsgiServer:
    """The server's half of the ASGI conversation. It takes messages only while `flowing` is set."""

    sent: list[Any] = attrs.field(factory=list)
    broken: bool = False
    flowing: trio.Event = attrs.field(factory=trio.Event)
    _to_app: Any = None
    _from_server: Any = None

    def __attrs_post_init__(self) -> None:
        self._to_app, self._from_server = trio.open_memory_channel[Any](math.inf)
        self.flowing.set()

    async def receive(self) -> Any:
        return await self._from_server.receive()

    async def send(self, message: Any) -> None:
        await self.flowing.wait()
        if self.broken:
            raise RuntimeError("some servers raise this when the client is gone")
        self.sent.append(message)

    def gives(self, **message: Any) -> None:
        self._to_app.send_nowait({"type": "websocket." + message.pop("type"), **message})

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def close_code(self) -> int:
        return next((message["code"] for message in self.sent if message["type"] == "websocket.close"), 0)


@asynccontextmanager
async def a_socket() -> AsyncIterator[tuple[AsgiSocket, AsgiServer]]:
    server = AsgiServer()
    async with trio.open_nursery() as nursery:
        websocket = AsgiSocket(server.receive, server.send)
        nursery.start_soon(websocket.write_out)
        yield websocket, server
        nursery.cancel_scope.cancel()


async def test_texts_go_both_ways() -> None:
    async with a_socket() as (websocket, server):
        websocket.write(single(b"one"))
        websocket.write(Batch([Text(b"two"), Text("ü".encode())]))
        await trio.testing.wait_all_tasks_blocked()
        assert server.texts == ["one", "two", "ü"]
        server.gives(type="receive", text="hello", bytes=None)
        inbound = await websocket.receive()
        assert inbound is not None
        assert (list(inbound.texts), inbound.frames, inbound.size) == (["hello"], 1, 5)


async def test_a_client_that_leaves_ends_it() -> None:
    async with a_socket() as (websocket, server):
        server.gives(type="disconnect", code=1001)
        assert await websocket.receive() is None
        assert websocket.close_code == 1001
        websocket.write(CHUNK)
        websocket.close(1000, "")
        await trio.testing.wait_all_tasks_blocked()
        assert server.sent == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"bytes": b"{}", "text": None}, 4400),
        ({"bytes": b"{}"}, 4400),
        ({"text": "x" * (FRAME_LIMIT + 1)}, 1009),
        ({"text": "ü" * (FRAME_LIMIT // 2 + 1)}, 1009),
        ({"text": "\ud800" * FRAME_LIMIT}, 1009),
    ],
)
async def test_what_is_no_text_or_too_large_is_closed(message: dict[str, Any], code: int) -> None:
    async with a_socket() as (websocket, server):
        server.gives(type="receive", **message)
        inbound = await websocket.receive()
        assert inbound is not None
        assert inbound.texts == ()
        await trio.testing.wait_all_tasks_blocked()
        assert server.close_code == websocket.close_code == code


async def test_our_goodbye_goes_out_after_what_waited_and_nothing_is_heard_after_it() -> None:
    async with a_socket() as (websocket, server):
        websocket.write(single(b"last"))
        websocket.close(4409, "revoked")
        websocket.write(single(b"too late"))
        await trio.testing.wait_all_tasks_blocked()
        server.gives(type="receive", text="too late")
        server.gives(type="disconnect", code=4409)
        with trio.fail_after(1):
            assert await websocket.receive() is None
        assert (server.texts, server.close_code, websocket.close_code) == (["last"], 4409, 4409)


async def test_a_server_that_never_says_that_it_is_over_is_not_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with a_socket() as (websocket, _):
        began = trio.current_time()
        websocket.close(1012, "restart")
        assert await websocket.receive() is None
        assert trio.current_time() - began == pytest.approx(LINGER_SECONDS, abs=0.1)


async def test_a_reader_that_is_too_slow_is_closed_and_costs_at_most_the_limit() -> None:
    async with a_socket() as (websocket, server):
        server.flowing = trio.Event()
        written = 0
        while not websocket.close_code:
            websocket.write(CHUNK)
            written += CHUNK.size
        assert websocket.close_code == 4001
        assert written <= QUEUE_LIMIT + CHUNK.size
        server.flowing.set()
        await trio.testing.wait_all_tasks_blocked()
        assert server.close_code == 4001
        assert len(server.texts) <= 1, "what waited is dropped"


async def test_a_reader_that_takes_nothing_is_cut_after_ten_seconds(autojump_clock: trio.testing.MockClock) -> None:
    async with a_socket() as (websocket, server):
        server.flowing = trio.Event()
        websocket.write(single(b"x"))
        began = trio.current_time()
        assert await websocket.receive() is None
        assert trio.current_time() - began == pytest.approx(STALL_SECONDS, abs=0.1)
        assert websocket.close_code == 4001


async def test_a_server_that_raises_is_a_connection_that_broke() -> None:
    async with a_socket() as (websocket, server):
        server.broken = True
        websocket.write(single(b"x"))
        with trio.fail_after(1):
            assert await websocket.receive() is None
        assert websocket.close_code == 1006


async def test_catching_up_waits_for_the_reader() -> None:
    async with a_socket() as (websocket, server), trio.open_nursery() as nursery:
        server.flowing = trio.Event()
        for _ in range(5):
            websocket.write(CHUNK)
        caught_up = trio.Event()

        async def catch_up() -> None:
            await websocket.drained()
            caught_up.set()

        nursery.start_soon(catch_up)
        await trio.testing.wait_all_tasks_blocked()
        assert not caught_up.is_set()
        server.flowing.set()
        with trio.fail_after(1):
            await caught_up.wait()


# --- the application -------------------------------------------------------------------------------------------------


async def converse(edge: Any, server: AsgiServer, **scope: Any) -> None:
    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "elsewhere"})

    whole = {"type": "websocket", "path": "/api/realtime", "headers": [(b"host", b"x")]} | scope
    await RealtimeApp(elsewhere, edge.gateway)(whole, server.receive, server.send)


async def test_a_connection_from_its_greeting_to_its_end(edge: Any) -> None:
    server = AsgiServer()
    server.gives(type="connect")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse, edge, server)
        await trio.testing.wait_all_tasks_blocked()
        server.gives(type="receive", text='{"type":"nonsense"}')
        await trio.testing.wait_all_tasks_blocked()
        server.gives(type="disconnect", code=1000)
    assert server.sent[0] == {"type": "websocket.accept"}
    assert json.loads(server.texts[1])["type"] == "error"
    assert json.loads(server.texts[0])["type"] == "hello"
    assert edge.gateway.connections == 0


@pytest.mark.parametrize("extensions", [{}, None, {"websocket.http.response": {}}])
async def test_a_foreign_page_is_refused_as_far_as_the_server_can_say_so(edge: Any, extensions: Any) -> None:
    server = AsgiServer()
    server.gives(type="connect")
    headers = [(b"host", b"x"), (b"origin", b"https://evil.example")]
    await converse(edge, server, headers=headers, extensions=extensions, client=None)
    if extensions:
        start, body = server.sent
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
        assert json.loads(body["body"])["error"]["code"] == "INSUFFICIENT_PERMISSIONS"
    else:
        assert [message["type"] for message in server.sent] == ["websocket.close"]


@pytest.mark.parametrize("scope", [{"path": "/other"}, {"type": "http"}, {"type": "lifespan"}])
async def test_everything_else_is_the_applications(edge: Any, scope: dict[str, Any]) -> None:
    server = AsgiServer()
    await converse(edge, server, **scope)
    assert server.sent == [{"type": "elsewhere"}]
