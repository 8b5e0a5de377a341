"""A WebSocket client that others wrote, in every lane."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from tests.chatserver.net.client import PATH
from trio_websocket import ConnectionClosed, wrap_client_stream


@asynccontextmanager
async def dialled(server: Any, *headers: tuple[str, str]) -> AsyncIterator[Any]:
    """Its WebSocket, over a TCP connection that is closed whatever it does."""
    stream = await server.stream()
    async with trio.open_nursery() as nursery:
        yield await wrap_client_stream(nursery, stream, f"127.0.0.1:{server.port}", PATH, extra_headers=list(headers))
        nursery.cancel_scope.cancel()
    await trio.aclose_forcefully(stream)


async def hear(websocket: Any, type_: str) -> Any:
    while (text := json.loads(await websocket.get_message()))["type"] != type_:
        pass
    return text


async def test_trio_websocket_talks(server: Any) -> None:
    team = server.team
    async with dialled(server, ("Authorization", f"Bearer {await team.token(team.ada)}")) as websocket:
        await hear(websocket, "hello")
        join = {"type": "join_workspace", "id": "1", "data": {"workspaceId": team.workspace.id}}
        await websocket.send_message(json.dumps(join))
        assert (await hear(websocket, "reply"))["ok"]
        content = "👋" * 4000
        message = {"type": "send_message", "data": {"channelId": team.general.id, "content": content}}
        await websocket.send_message(json.dumps(message, ensure_ascii=False))
        assert (await hear(websocket, "message_received"))["data"]["message"]["content"] == content
        await websocket.ping(b"still there?")
        await websocket.send_message("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            await hear(websocket, "nothing")
        assert closed.value.reason.code == 4400


async def test_a_goodbye_is_returned_to_trio_websocket(server: Any) -> None:
    async with dialled(server) as websocket:
        await hear(websocket, "hello")
        await websocket.aclose(1001, "going away")
        assert websocket.closed.code == 1001
