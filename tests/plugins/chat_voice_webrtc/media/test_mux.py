"""Whose a datagram is."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio

from chat_voice_webrtc.media.mux import Address, Mux, NoPort, Socket

PORTS = range(40_800, 40_900)


@attrs.define(eq=False)
class FakeClient:
    """Remembers what it got."""

    last_heard: float = 0.0
    closed: bool = False
    got: list[bytes] = attrs.field(factory=list)

    def stun_received(self, data: bytes, address: Address, sock: Socket) -> None:
        self.got.append(data)

    def media_received(self, data: bytes, now: float) -> None:
        self.got.append(data)
        if data == b"\x80break":
            raise ValueError


async def on_a_loop(work: Callable[[Mux], Awaitable[None]]) -> None:
    async def run() -> None:
        mux = Mux(["127.0.0.1"], PORTS)
        mux.open()
        try:
            await work(mux)
        finally:
            mux.close()

    await trio.to_thread.run_sync(lambda: asyncio.run(run()))


def stun(username: bytes) -> bytes:
    attribute = b"\0\6" + len(username).to_bytes(2, "big") + username + bytes(-len(username) % 4)
    return b"\0\1" + len(attribute).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + attribute


async def test_checks_go_by_name_media_by_address_and_the_rest_nowhere() -> None:
    async def work(mux: Mux) -> None:
        ada, bob = FakeClient(), FakeClient()
        mux.add("ada", ada)
        mux.add("bob", bob)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            to = ("127.0.0.1", mux.port)
            sock.sendto(stun(b"bob:x"), to)
            sock.sendto(stun(b"eve:x"), to)
            sock.sendto(b"\x80early", to)
            await asyncio.sleep(0.05)
            assert bob.got == [stun(b"bob:x")]
            assert mux.proven(sock.getsockname(), ada, 1.0)
            for data in (b"\x80voice", b"\x80break", b"\x80after", b"x" * 1_500, b""):
                sock.sendto(data, to)
            await asyncio.sleep(0.05)
        assert ada.got == [b"\x80voice", b"\x80break", b"\x80after"]
        assert mux.dropped == 5

    await on_a_loop(work)


async def test_an_address_is_not_taken_from_somebody_who_is_alive() -> None:
    async def work(mux: Mux) -> None:
        ada, eve, address = FakeClient(last_heard=10.0), FakeClient(), ("192.0.2.7", 5)
        mux.add("eve", eve)
        assert mux.proven(address, ada, 10.0)
        assert not mux.proven(address, eve, 11.0)
        assert mux.proven(address, eve, 13.0)
        mux.remove("eve", eve)
        assert mux.proven(address, ada, 13.0)
        ada.closed = True
        assert mux.proven(address, eve, 13.0)

    await on_a_loop(work)


async def test_the_next_free_port_is_taken_and_none_is_said() -> None:
    async def work(mux: Mux) -> None:
        other = Mux(["127.0.0.1"], range(mux.port, mux.port + 50))
        assert other.port > mux.port
        other.close()
        with pytest.raises(NoPort, match="free"):
            Mux(["127.0.0.1"], [mux.port])

    await on_a_loop(work)
