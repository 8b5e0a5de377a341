"""A real server on a free port, in each of its lanes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pytest
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve as hypercorn_serve
from tests.chatserver.gateway.conftest import Edge, Team, an_edge
from tests.chatserver.net.client import Client

from chatserver.gateway.gateway import Gateway
from chatserver.net.asgi import RealtimeApp
from chatserver.net.server import serve_listeners

LANES = ("native", "shared", "foreign")
"""native: our listener. shared: HTTP first, then the upgrade on the same connection, through our listener to Hypercorn.
foreign: behind a stock ASGI server."""


@attrs.define
class Server:
    """A server that is running."""

    team: Team
    gateway: Gateway
    port: int
    lane: str
    stop: trio.Event
    nursery: trio.Nursery
    clients: list[Client] = attrs.field(factory=list)

    async def stream(self) -> Any:
        """A TCP connection to it, ready for an upgrade in its lane."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        if self.lane == "shared":
            status, _, _ = await Client(stream).get("/")
            assert status == 200
        return stream

    async def client(self, **options: Any) -> Client:
        """A WebSocket."""
        client = await Client.connect(self.port, stream=await self.stream(), **options)
        self.clients.append(client)
        return client

    async def joined(self, user: Any, **options: Any) -> Client:
        """A WebSocket that is live in the workspace."""
        client = await self.client(headers=(f"Authorization: Bearer {await self.team.token(user)}",), **options)
        reply = await client.ask("join_workspace", workspaceId=self.team.workspace.id)
        assert reply["ok"], reply
        return client


async def small_app(scope: Any, receive: Any, send: Any) -> None:
    """An application of few words."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": message["type"] + ".complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4404})
        return
    if scope["path"] == "/crash":
        raise ZeroDivisionError("on purpose")
    if scope["path"] == "/slow":
        await trio.sleep(1)
    body = b"x" * int(scope["query_string"] or 2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def a_server(lane: str = "native", app: Any = small_app, **options: Any) -> AsyncIterator[Server]:
    settings = {
        name: options.pop(name)
        for name in ("rate_limits", "pace", "per_user", "plugins", "trusted_proxies")
        if name in options
    }
    async with an_edge(running=False, **settings) as edge, trio.open_nursery() as nursery:
        stop = trio.Event()
        if lane == "foreign":
            await nursery.start(edge.gateway.run)
            config = HypercornConfig()
            config.bind, config.errorlog = ["127.0.0.1:0"], None
            serve = partial(hypercorn_serve, RealtimeApp(app, edge.gateway), config, shutdown_trigger=stop.wait)
            bound = await nursery.start(serve)
            port = int(bound[0].rpartition(":")[2])
        else:
            serve = partial(serve_listeners, app, edge.gateway, host="127.0.0.1", port=0, stop=stop, **options)
            port = await nursery.start(serve)
        server = Server(edge.team, edge.gateway, port, lane, stop, nursery)
        yield server
        for client in server.clients:
            await client.aclose()
        nursery.cancel_scope.cancel()


@pytest.fixture(params=LANES)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The same server in each lane."""
    async with a_server(request.param) as server:
        yield server


@pytest.fixture
async def native() -> AsyncIterator[Server]:
    async with a_server() as server:
        yield server


@pytest.fixture
def make_server() -> Callable[..., Any]:
    """`async with make_server(lane, app, …) as server`."""
    return a_server


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """A gateway without a listener."""
    async with an_edge() as edge:
        yield edge
