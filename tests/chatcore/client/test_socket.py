"""The client's WebSocket, and the request that opens it, against servers of all kinds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from tests.cli.remote.scripted import Socket as Scripted
from tests.cli.remote.scripted import socket_server

from chatcore.client.dialling import dial
from chatcore.client.socket import Closed, Socket
from chatcore.client.upgrade import NotUpgraded, Refused


@asynccontextmanager
async def opened(act: Callable[[Scripted], Awaitable[None]]) -> AsyncIterator[Socket]:
    """A connection to a server that plays this, greeted, with the first frame sent."""
    with trio.fail_after(20):
        async with socket_server([act]) as (url, _):
            line = await dial(url)
            async with line.stream:
                socket = await line.upgrade("/api/realtime", "token")
                assert await socket.receive() == [b'{"type":"hello","data":{}}']
                await socket.send([b'{"id":"join"}'])
                yield socket


async def test_many_texts_in_one_write_and_back() -> None:
    async def echo(other: Scripted) -> None:
        for _ in range(3):
            await other.raw.send_message(await other.raw.get_message())
        await other.stay()

    async with opened(echo) as socket:
        await socket.send([b"one", b"two", b"three"])
        came: list[bytes] = []
        while len(came) < 3:
            came += await socket.receive()
        assert came == [b"one", b"two", b"three"]


async def test_what_was_said_before_the_goodbye_is_heard() -> None:
    async def leave(other: Scripted) -> None:
        await other.raw.send_message("last words")
        await other.close(1012, "restart")

    async with opened(leave) as socket:
        assert await socket.receive() == [b"last words"]
        for _ in range(2):
            with pytest.raises(Closed) as caught:
                await socket.receive()
            assert (caught.value.code, caught.value.reason) == (1012, "restart")


async def test_a_cut_is_no_goodbye() -> None:
    async with opened(Scripted.vanish) as socket:
        for _ in range(2):
            with pytest.raises(Closed, match="the connection broke") as caught:
                await socket.receive()
            assert caught.value.code is None


async def test_pings_wait_for_the_other_end_while_somebody_receives() -> None:
    async with opened(Scripted.stay) as socket, trio.open_nursery() as nursery:
        nursery.start_soon(socket.receive)
        await socket.ping()
        async with trio.open_nursery() as pinging:
            for _ in range(3):
                pinging.start_soon(socket.ping)
        nursery.cancel_scope.cancel()


async def test_our_goodbye_waits_for_theirs() -> None:
    codes: list[int] = []

    async def listen(other: Scripted) -> None:
        try:
            await other.raw.get_message()
        finally:
            assert other.raw.closed is not None
            codes.append(other.raw.closed.code)

    async with opened(listen) as socket:
        await socket.aclose(1000, "done")
        await socket.aclose()
        with pytest.raises(Closed):
            await socket.receive()
    assert codes == [1000]


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that says this to whoever asks, and hangs up."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            if answer:
                await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def asked(answer: bytes) -> Exception:
    """What comes of asking a server that answers so."""
    with trio.fail_after(20):
        async with answering(answer) as url:
            line = await dial(url)
            async with line.stream:
                with pytest.raises((Refused, NotUpgraded)) as caught:
                    await line.upgrade("/api/realtime", None)
    return caught.value


async def test_a_refusal_says_which() -> None:
    refused = await asked(b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(refused, Refused)
    assert (refused.status, refused.headers[b"retry-after"]) == (429, b"7")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n",
    ],
    ids=["nothing", "another protocol", "no upgrade", "a wrong proof", "half an answer"],
)
async def test_what_is_no_answer_is_not_taken_for_one(answer: bytes) -> None:
    assert isinstance(await asked(answer), NotUpgraded)
