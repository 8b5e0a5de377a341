"""Many sockets on one server; some of them read nothing once they are live."""

import socket
from collections.abc import Sequence
from typing import Any

import trio
from tests.chatserver.net.client import Client
from tests.programme.process import Person

_AT_ONCE = 50
_SMALL = 4096
"""Bytes that the kernel keeps for a reader that stalls: as few as it can be told to."""


async def open_sockets(
    people: Sequence[Person], count: int, *, workspace_id: str = "", stalls: bool = False
) -> list[Client]:
    """So many sockets, signed in by turns as these people, and live in the workspace if one is given.

    `stalls`: they take little of what comes; who opens them has only to leave them alone.
    """
    clients: list[Client] = []
    limit = trio.CapacityLimiter(_AT_ONCE)

    async def open_one(person: Person) -> None:
        async with limit:
            connection = trio.socket.socket()
            if stalls:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            await connection.connect(("127.0.0.1", person.server.port))
            stream: Any = trio.SocketStream(connection)
            bearer = f"Authorization: Bearer {person.token}"
            client = await Client.connect(person.server.port, stream=stream, headers=(bearer,))
            await client.hear("hello")
            if workspace_id:
                assert (await client.ask("join_workspace", workspaceId=workspace_id))["ok"]
            clients.append(client)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(open_one, people[number % len(people)])
    return clients


async def close_all(clients: Sequence[Client]) -> None:
    """Cut them."""
    for client in clients:
        await client.aclose()
