"""Serving from the first connection to the end: stops that are graceful, and applications that break."""

import json
import socket
from functools import partial
from typing import Any

import pytest
import trio
from tests.chatserver.gateway.conftest import an_edge
from tests.chatserver.net.client import Client
from tests.chatserver.net.conftest import small_app
from tests.chatserver.net.frames import TEXT, frame
from tests.chatserver.net.waiting import until

from chatcore.errors import ConfigError
from chatserver.net.lifespan import LifespanFailed
from chatserver.net.listener import Limits
from chatserver.net.server import serve_listeners


async def stopped(server: Any, patience: float) -> None:
    """Wait until nobody listens on the port."""

    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server.port)) != 0

    await until(refused, patience)


async def test_a_stop_answers_what_is_under_way_and_says_1012(make_server: Any) -> None:
    async with make_server(grace=5) as server:
        ada = await server.joined(server.team.ada)
        slow = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        idle = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        await idle.get("/")
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await slow.get("/slow"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.2)
            server.stop.set()
            await stopped(server, 1)
            assert await ada.closed() == 1012
            await idle.gone(2)
        assert answers[0][0] == 200
        for client in (slow, idle):
            await client.aclose()


async def test_a_message_under_way_is_answered_before_the_goodbye(make_server: Any) -> None:
    async with make_server(grace=5) as server:
        ada = await server.joined(server.team.ada)
        data = {"channelId": server.team.general.id, "content": "x"}
        texts = [json.dumps({"type": "send_message", "id": str(number), "data": data}) for number in range(40)]
        await ada.send(b"".join(frame(TEXT, text.encode()) for text in texts))
        await ada.hear("reply")
        server.stop.set()
        answered = 1
        while (text := await ada.receive()) is not None:
            answered += json.loads(text)["type"] == "reply"
        assert ada.close_code == 1012
        stored = await server.team.chat.messages.history(server.team.general, actor=server.team.ada)
        assert answered == len(stored.messages)


async def test_a_stop_ends_in_time_whatever_the_peers_do(make_server: Any) -> None:
    async with an_edge(running=False) as edge, trio.open_nursery() as nursery:
        stop, ended = trio.Event(), trio.Event()

        async def serve(task_status: Any) -> None:
            options = {"host": "127.0.0.1", "port": 0, "stop": stop, "grace": 1.5, "task_status": task_status}
            await serve_listeners(small_app, edge.gateway, **options)
            ended.set()

        port = await nursery.start(serve)
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(9)]
        for stream in streams[:3]:
            await stream.send_all(b"GET /?90000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        for stream in streams[3:6]:
            await Client(stream).upgrade()
            await stream.send_all(frame(TEXT, b"{}", fin=False))
        await streams[6].send_all(b"GET /api/realtime HTTP/1.1\r\n")
        await streams[7].send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        await trio.sleep(0.3)
        began = trio.current_time()
        stop.set()
        with trio.fail_after(5):
            await ended.wait()
        assert trio.current_time() - began < 3.5
        for stream in streams:
            await trio.aclose_forcefully(stream)


async def test_cancelling_ends_at_once_though_a_peer_does_not_read(make_server: Any) -> None:
    async with make_server() as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        await stream.send_all(b"GET /?90000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.joined(server.team.ada)
        await trio.sleep(0.3)
        server.nursery.cancel_scope.cancel()
        began = trio.current_time()
    assert trio.current_time() - began < 3
    await trio.aclose_forcefully(stream)


async def test_an_application_that_does_not_start_is_said_so() -> None:
    async def stillborn(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async with an_edge(running=False) as edge:
        with pytest.raises(ExceptionGroup) as failed:
            await serve_listeners(stillborn, edge.gateway, host="127.0.0.1", port=0)
        (failure,) = _leaves(failed.value)
        assert isinstance(failure, LifespanFailed)
        assert "no database" in str(failure)


@pytest.mark.parametrize("crash", [True, False])
async def test_an_application_that_breaks_down_takes_the_server_with_it(crash: bool) -> None:
    broken = trio.Event()

    async def doomed(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await broken.wait()
        if crash:
            raise ZeroDivisionError("in the background")

    async def serve_until_it_breaks(edge: Any) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_listeners, doomed, edge.gateway, host="127.0.0.1", port=0))
            broken.set()

    async with an_edge(running=False) as edge:
        with pytest.raises(ExceptionGroup) as failed:
            await serve_until_it_breaks(edge)
        (failure,) = _leaves(failed.value)
        assert isinstance(failure, ZeroDivisionError if crash else LifespanFailed)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


async def test_a_cancellation_that_escapes_from_its_scope_ends_one_connection_only(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def astray(*arguments: Any) -> None:
        escaped: list[BaseException] = []
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                escaped.append(error)
        raise escaped[0]

    async with make_server() as server:
        ada = await server.joined(server.team.ada)
        monkeypatch.setattr(server.gateway, "serve", astray)
        await (await server.client()).gone()
        assert (await ada.ask("leave_workspace", workspaceId=server.team.workspace.id))["ok"]


async def test_an_address_that_cannot_be_had_is_named(make_server: Any) -> None:
    async with make_server() as server, an_edge(running=False) as edge:
        with pytest.raises(ConfigError, match=f"127.0.0.1, port {server.port}"):
            await serve_listeners(small_app, edge.gateway, host="127.0.0.1", port=server.port)
        with pytest.raises(ConfigError, match=r"nowhere\.invalid"):
            await serve_listeners(small_app, edge.gateway, host="nowhere.invalid", port=0)


async def test_connections_are_counted_and_bounded(make_server: Any) -> None:
    async with make_server(limits=Limits(connections=100, per_address=3)) as server:
        clients = [Client(await trio.open_tcp_stream("127.0.0.1", server.port)) for _ in range(3)]
        for client in clients:
            assert (await client.get("/"))[0] == 200
        extra = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        await extra.gone(2)
        await clients[0].aclose()
        await trio.sleep(0.1)
        again = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        assert (await again.get("/"))[0] == 200
        for client in (*clients, extra, again):
            await client.aclose()


async def test_sockets_are_opened_so_fast(make_server: Any) -> None:
    rates = {"handshake": {"requests": 2, "window": 60}}
    async with make_server(rate_limits=rates, trusted_proxies=("127.0.0.0/8",)) as server:
        for _ in range(2):
            await server.joined(server.team.ada)
        early = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        status, headers, body = await early.upgrade()
        assert (status, headers["retry-after"]) == (429, "60")
        assert b"RATE_LIMIT_EXCEEDED" in body
        await early.aclose()
        await server.client(headers=("X-Forwarded-For: 192.0.2.7",))


async def test_a_head_is_so_large(make_server: Any) -> None:
    for limit, status in ((4096, 431), (16384, 200)):
        async with make_server(head_limit=limit) as server:
            client = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
            assert (await client.get("/", f"X-Long: {'x' * 6000}"))[0] == status
            await client.aclose()


async def test_our_proxy_brings_many_clients(make_server: Any) -> None:
    limits = Limits(connections=4, per_address=1)
    async with make_server(limits=limits, trusted_proxies=("127.0.0.0/8",)) as server:
        clients = [Client(await trio.open_tcp_stream("127.0.0.1", server.port)) for _ in range(4)]
        for client in clients:
            assert (await client.get("/"))[0] == 200
        extra = Client(await trio.open_tcp_stream("127.0.0.1", server.port))
        await extra.gone(2)
        for client in (*clients, extra):
            await client.aclose()


async def test_it_listens_on_names_too(make_server: Any) -> None:
    async with an_edge(running=False) as edge, trio.open_nursery() as nursery:
        port = await nursery.start(partial(serve_listeners, small_app, edge.gateway, host="localhost", port=0))
        client = Client(await trio.open_tcp_stream("localhost", port))
        assert (await client.get("/"))[0] == 200
        await client.aclose()
        nursery.cancel_scope.cancel()
