"""Every limit of the configuration, hit on a real server; and lifted by `RATE_LIMITS=off`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import httpx
import trio
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import TEXT, frame

from chatcore import Config, open_chat
from chatcore.model import User
from chatserver.app import Address, serve

TIGHT: dict[str, Any] = {
    "max_connections": 12,
    "max_connections_per_address": 10,
    "max_sockets_per_user": 1,
    "socket_frames_per_second": 1,
    "socket_bytes_per_second": 1024,
    "max_head_size": 4096,
    "max_body_size": 64 * 1024,
}
BIG = frame(TEXT, b'{"type": "typing_start", "data": {"channelId": "%b"}}' % (b"x" * 10_000))


@attrs.frozen
class Place:
    address: Address
    user: User
    token: str

    async def stream(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.address.port)

    async def socket(self) -> Client:
        """A WebSocket that is signed in."""
        return await Client.connect(
            self.address.port, stream=await self.stream(), headers=(f"Authorization: Bearer {self.token}",)
        )

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address.url, headers={"Authorization": f"Bearer {self.token}"})


@asynccontextmanager
async def a_place(**settings: Any) -> AsyncIterator[Place]:
    async with open_chat(config=Config(database_url="memory:", **settings)) as chat, trio.open_nursery() as nursery:
        user = await chat.users.create(email="ada@example.org", display_name="Ada")
        token = (await chat.sessions.open(user)).access_token
        yield Place(await nursery.start(partial(serve, chat, port=0)), user, token)
        nursery.cancel_scope.cancel()


async def ended(client: Client) -> int:
    code = await client.closed()
    await client.aclose()
    return code


async def test_one_account_has_so_many_sockets() -> None:
    async with a_place(**TIGHT) as place:
        first = await place.socket()
        await first.hear("hello")
        assert await ended(await place.socket()) == 4429
        await first.aclose()


async def test_a_socket_says_so_much() -> None:
    async with a_place(**TIGHT) as place:
        many = await place.socket()
        await many.send(frame(TEXT, b"{}") * 7)
        assert await ended(many) == 4429
        big = await place.socket()
        await big.send(BIG)
        assert await ended(big) == 4429


async def test_heads_and_bodies_are_so_large() -> None:
    async with a_place(**TIGHT) as place, place.http() as http:
        assert (await http.get("/api/users/me", headers={"X-Long": "x" * 5000})).status_code == 431
        body = {"displayName": "x" * 70_000}
        refused = await http.patch("/api/users/me", json=body)
        assert refused.status_code == 413
        assert "64 KiB" in refused.json()["error"]["message"]


async def test_connections_are_so_many() -> None:
    async with a_place(**TIGHT) as place:
        streams = [await place.stream() for _ in range(10)]
        for stream in streams:
            assert (await Client(stream).get("/api/health"))[0] == 200
        extra = Client(await place.stream())
        await extra.gone(5)
        for each in (*streams, extra.stream):
            await trio.aclose_forcefully(each)


async def test_handshakes_are_so_fast() -> None:
    rates = {"handshake": {"requests": 2, "window": 60}}
    async with a_place(rate_limits=rates) as place:
        clients = [await place.socket() for _ in range(2)]
        early = Client(await place.stream())
        status, headers, body = await early.upgrade()
        assert (status, headers["retry-after"]) == (429, "60")
        assert b"RATE_LIMIT_EXCEEDED" in body
        for each in (*clients, early):
            await each.aclose()


async def test_off_lifts_rates_flow_and_connections_but_no_sizes() -> None:
    async with a_place(rate_limits="off", **TIGHT) as place, place.http() as http:
        clients = [await place.socket() for _ in range(15)]
        for client in clients:
            await client.hear("hello")
        await clients[0].send(frame(TEXT, b"{}") * 100 + BIG)
        for _ in range(101):
            assert (await clients[0].hear())["type"] == "error"
        assert (await http.get("/api/users/me", headers={"X-Long": "x" * 5000})).status_code == 431
        for client in clients:
            await client.aclose()
