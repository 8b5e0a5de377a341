"""The native socket over real TCP: readers that are slow, stalled, gone, or hostile."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import CLOSE, PING, TEXT, close_frame, close_of, frame, parse_server_frames

from chatserver.net.batch import Batch, Text, single
from chatserver.net.native import NativeSocket
from chatserver.net.socket import LINGER_SECONDS, QUEUE_LIMIT, STALL_SECONDS
from chatserver.net.transport import TcpTransport

CHUNK = Batch([Text(b"x" * 50_000)])


@attrs.define
class Pair:
    """A native socket and the peer at the other end of the line."""

    ours: NativeSocket
    peer: Client

    async def read_to_the_end(self) -> bytes:
        """Everything that arrives until the connection is over."""
        data = b""
        try:
            while piece := await self.peer.stream.receive_some():
                data += piece
        except trio.BrokenResourceError:
            pass
        return data


@asynccontextmanager
async def a_pair() -> AsyncIterator[Pair]:
    listener = socket.create_server(("127.0.0.1", 0))
    stream = await trio.open_tcp_stream(*listener.getsockname())
    connection, _ = listener.accept()
    listener.close()
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    async with trio.open_nursery() as nursery:
        ours = NativeSocket(TcpTransport(connection), nursery)
        yield Pair(ours, Client(stream))
        ours.abort()
        nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(stream)


async def fill(pair: Pair) -> None:
    """Write until the kernel takes no more."""
    while not pair.ours.queued:
        pair.ours.write(CHUNK)
    await trio.testing.wait_all_tasks_blocked()


async def flood(pair: Pair, data: bytes) -> None:
    """Send without end; until the line breaks."""
    try:
        while True:
            await pair.peer.send(data)
    except trio.BrokenResourceError:
        pass


async def test_what_is_written_arrives_without_a_task() -> None:
    async with a_pair() as pair:
        pair.ours.write(single(b"one"))
        pair.ours.write(Batch([Text(b"two"), Text(b"three")]))
        assert [await pair.peer.receive() for _ in range(3)] == ["one", "two", "three"]
        assert pair.ours.queued == 0


async def test_texts_and_signs_of_life_come_in() -> None:
    async with a_pair() as pair:
        pair.ours.ping()
        await pair.peer.send(frame(TEXT, b"a") + frame(TEXT, b"b"))
        inbound = await pair.ours.receive()
        assert inbound is not None
        assert (list(inbound.texts), inbound.frames, inbound.pong) == (["a", "b"], 2, False)
        with trio.move_on_after(0.2):
            await pair.peer.receive()
        assert pair.peer.pings == 1
        inbound = await pair.ours.receive()
        assert inbound is not None
        assert inbound.pong


async def test_a_reader_that_pauses_gets_everything_in_order() -> None:
    async with a_pair() as pair:
        await fill(pair)
        queued = pair.ours.queued
        for number in range(100):
            pair.ours.write(single(b"%d" % number))
        assert pair.ours.queued > queued
        seen: list[str] = []
        while not seen or seen[-1] != "99":
            text = await pair.peer.receive()
            assert text is not None
            if len(text) < 10:
                seen.append(text)
        assert seen == [str(number) for number in range(100)]
        await trio.testing.wait_all_tasks_blocked()
        assert pair.ours.queued == 0


async def test_a_reader_that_is_too_slow_is_closed_with_4001_and_costs_at_most_the_limit() -> None:
    async with a_pair() as pair:
        await fill(pair)
        written = 0
        while not pair.ours.close_code:
            pair.ours.write(CHUNK)
            written += CHUNK.size
            assert pair.ours.queued <= QUEUE_LIMIT + CHUNK.size
        assert pair.ours.close_code == 4001
        assert written <= QUEUE_LIMIT + CHUNK.size
        pair.ours.write(CHUNK)
        assert pair.ours.queued < QUEUE_LIMIT, "what waited is dropped"
        frames, rest = parse_server_frames(await pair.read_to_the_end())
        assert rest == b"", "no frame was cut in two"
        assert frames[-1][0] == CLOSE
        assert close_of(frames[-1][1])[0] == 4001
        assert all(payload == b"x" * 50_000 for opcode, payload in frames if opcode == TEXT)


async def test_a_reader_that_takes_nothing_is_cut_after_ten_seconds(autojump_clock: trio.testing.MockClock) -> None:
    async with a_pair() as pair:
        began = trio.current_time()
        await fill(pair)
        assert await pair.ours.receive() is None
        assert pair.ours.close_code == 4001
        assert STALL_SECONDS <= trio.current_time() - began < STALL_SECONDS + 1


async def test_catching_up_waits_for_the_reader() -> None:
    async with a_pair() as pair, trio.open_nursery() as nursery:
        await fill(pair)
        for _ in range(5):
            pair.ours.write(CHUNK)
        waiting = trio.Event()

        async def catch_up() -> None:
            await pair.ours.drained()
            waiting.set()

        nursery.start_soon(catch_up)
        await trio.testing.wait_all_tasks_blocked()
        assert not waiting.is_set()
        nursery.start_soon(pair.read_to_the_end)
        with trio.fail_after(5):
            await waiting.wait()
        assert pair.ours.queued <= 64 * 1024
        nursery.cancel_scope.cancel()


async def test_our_goodbye_is_answered_and_then_it_is_over() -> None:
    async with a_pair() as pair:
        pair.ours.write(single(b"last"))
        pair.ours.close(4409, "revoked")
        pair.ours.close(1000, "again")
        pair.ours.write(single(b"too late"))
        assert await pair.peer.receive() == "last"
        assert await pair.peer.closed() == 4409
        await pair.peer.send(close_frame(4409))
        with trio.fail_after(1):
            assert await pair.ours.receive() is None
        assert pair.ours.close_code == 4409


async def test_a_peer_that_does_not_answer_our_goodbye_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    async with a_pair() as pair:
        began = trio.current_time()
        pair.ours.close(1012, "restart")
        assert await pair.ours.receive() is None
        assert LINGER_SECONDS <= trio.current_time() - began < LINGER_SECONDS + 1


async def test_a_goodbye_for_what_came_first_is_the_one_that_the_rest_has_earned() -> None:
    async with a_pair() as pair:
        # Both faults in one piece: the text is closed for by the gateway, the bytes behind it by the parser.
        await pair.peer.send(frame(TEXT, b"not an object") + frame(TEXT, b"\xed\xa0\x80"))
        inbound = await pair.ours.receive()
        assert inbound is not None
        assert inbound.texts == ["not an object"]
        pair.ours.close(4400, "send JSON objects")
        assert await pair.peer.closed() == 1007


async def test_what_comes_after_our_goodbye_is_not_heard_and_not_kept() -> None:
    async with a_pair() as pair, trio.open_nursery() as nursery:
        pair.ours.close(1012, "restart")

        nursery.start_soon(flood, pair, frame(TEXT, b"x" * 10_000))
        with trio.fail_after(LINGER_SECONDS + 1):
            assert await pair.ours.receive() is None


async def test_a_message_that_is_too_large_is_not_buffered() -> None:
    async with a_pair() as pair, trio.open_nursery() as nursery:
        await pair.peer.send(b"\x81\xff" + (2**40).to_bytes(8, "big"))
        nursery.start_soon(flood, pair, b"x" * 65536)
        with trio.fail_after(LINGER_SECONDS + 1):
            inbound = await pair.ours.receive()
            assert inbound is not None
            assert inbound.texts == []
            assert await pair.ours.receive() is None
        assert pair.ours.close_code == 1009
        assert len(pair.ours._parser._buffer) <= 70_000


@pytest.mark.parametrize("reset", [False, True])
async def test_a_peer_that_is_gone_ends_it(reset: bool) -> None:
    async with a_pair() as pair:
        if reset:
            option = b"\x01\0\0\0\0\0\0\0"
            pair.peer.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        await pair.peer.aclose()
        with trio.fail_after(2):
            assert await pair.ours.receive() is None
        for _ in range(10):
            pair.ours.write(CHUNK)
            pair.ours.ping()
        pair.ours.close(1000, "")
        assert pair.ours.close_code == 1006
        assert await pair.ours.receive() is None


async def test_a_flood_of_pings_is_bounded_by_what_waits() -> None:
    async with a_pair() as pair, trio.open_nursery() as nursery:
        await fill(pair)
        nursery.start_soon(flood, pair, frame(PING, b"x" * 125) * 100)
        with trio.fail_after(20):
            while await pair.ours.receive() is not None:
                assert pair.ours.queued <= QUEUE_LIMIT + 70_000
        assert pair.ours.close_code == 4001
