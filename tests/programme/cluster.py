"""Several real nodes on one PostgreSQL, with Redis or without; every way to a service may be cut."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import httpx
from tests.chatserver.net.waiting import until
from tests.programme.process import Person, Server, plain_http
from tests.services.postgres import Postgres, running_postgres
from tests.services.proxy import Proxy, proxying
from tests.services.redis import Redis, running_redis

SECRET = "shared by all nodes of this test: 0123456789abcdef"


@attrs.define(eq=False)
class AnyNode:
    """Stands for a server where a client is told to come back to whichever is there: as a proxy in front of them."""

    nodes: list[Server]
    http: httpx.AsyncClient = attrs.field(factory=plain_http)
    _turns: Any = attrs.field(factory=count)

    @property
    def port(self) -> int:
        """That of the next node that runs."""
        running = [node for node in self.nodes if node.is_running] or self.nodes
        return running[next(self._turns) % len(running)].port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def running(self) -> None:
        """Wait until one of them runs."""
        await until(lambda: any(node.is_running for node in self.nodes), 60)


@attrs.define(eq=False)
class Cluster:
    """`ways` are the proxies between each node and Redis, `roads` those between each node and PostgreSQL."""

    nodes: list[Server]
    postgres: Postgres
    redis: Redis | None
    ways: list[Proxy]
    roads: list[Proxy]
    anywhere: AnyNode = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.anywhere = AnyNode(self.nodes)

    def on(self, person: Person, node: int | None = None) -> Person:
        """The same person at one node, or at any."""
        server: Any = self.anywhere if node is None else self.nodes[node]
        return attrs.evolve(person, server=server)


@asynccontextmanager
async def running_cluster(
    folder: Path, count: int, *, bus: str, arguments: tuple[str, ...] = (), **environ: str
) -> AsyncIterator[Cluster]:
    """So many nodes that share a new database. bus: `redis` or `postgres`."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        postgres.sql("CREATE DATABASE chat TEMPLATE template0")
        redis = stack.enter_context(_redis(bus))
        nodes: list[Server] = []
        ways: list[Proxy] = []
        roads: list[Proxy] = []
        for number in range(count):
            road = await stack.enter_async_context(proxying(postgres.port))
            roads.append(road)
            database = postgres.tcp_url("chat", road.port)
            variables = {"DATABASE_URL": database, "CHATCORE_SECRET": SECRET, **environ}
            if redis is not None:
                way = await stack.enter_async_context(proxying(redis.port))
                ways.append(way)
                variables["REDIS_URL"] = f"redis://127.0.0.1:{way.port}"
            place = folder / f"node{number}"
            place.mkdir()
            node = Server(place, variables, arguments=(*arguments, "--migrate") if number == 0 else arguments)
            nodes.append(node)
            stack.push_async_callback(node.kill)
            stack.push_async_callback(node.http.aclose)
            await node.start()
        cluster = Cluster(nodes, postgres, redis, ways, roads)
        stack.push_async_callback(cluster.anywhere.http.aclose)
        yield cluster


@contextmanager
def _redis(bus: str) -> Any:
    if bus == "postgres":
        yield None
    else:
        with running_redis() as redis:
            yield redis
