"""One client of Redis with one subscription, for as long as both hold."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import coredis
import trio
from coredis.connection import TCPLocation
from coredis.exceptions import AuthenticationError, AuthorizationError
from coredis.retry import NoRetryPolicy

from chat_bus_redis.address import Address
from chatcore.errors import ConfigError
from chatcore.ports.relayed import Line, OpenLine, Received

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 3.0

Client = coredis.Redis[bytes] | coredis.RedisCluster[bytes]


@attrs.frozen
class RedisLine:
    """Sends what it is given to a channel."""

    client: Client
    channel: str

    async def send(self, packets: Sequence[bytes]) -> None:
        """Returns when Redis has taken them. Each is a command of its own: Redis answers while the next is made."""
        for packet in packets:
            await self.client.publish(self.channel, packet)


def opener(address: Address, channel: str) -> OpenLine:
    """How a line to this address is opened; who is primary is asked anew each time."""

    @asynccontextmanager
    async def open_line(received: Received) -> AsyncIterator[Line]:
        try:
            async with connected(address) as client, trio.open_nursery() as nursery:
                await nursery.start(_listen, client, channel, received)
                yield RedisLine(client, channel)
                nursery.cancel_scope.cancel()
        except* (AuthenticationError, AuthorizationError) as group:
            raise ConfigError("REDIS_URL: Redis refuses this user or password") from group

    return open_line


async def _listen(
    client: Client, channel: str, received: Received, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Subscribe, and hand over what comes, until the connection is lost.

    It reads the connection itself: coredis' `PubSub` gathers without bound, and breaks down when it is cancelled after
    its connection was lost.
    """
    pool: Any = client.connection_pool
    acquired = pool.acquire(primary=True) if isinstance(client, coredis.RedisCluster) else pool.acquire()
    async with acquired as connection:
        try:
            connection.send_command(b"SUBSCRIBE", channel)
            with trio.CancelScope(deadline=trio.current_time() + ANSWER_SECONDS) as waiting:
                async for kind, _, data in connection.push_messages:
                    if kind == b"message":
                        received(data)
                    elif kind == b"subscribe":
                        waiting.deadline = math.inf
                        task_status.started()
            raise trio.TooSlowError("Redis does not confirm the subscription")
        finally:
            # Whatever else comes on it is for nobody.
            connection.invalidate()


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Client]:
    """A client. Connections are made when they are needed, and not tried again: that is for who opens lines."""
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "connect_timeout": CONNECT_SECONDS,
        "stream_timeout": ANSWER_SECONDS,
        "retry_policy": NoRetryPolicy(),
    }
    if address.tls:
        options |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
    places = [TCPLocation(host, port) for host, port in address.hosts]
    if address.kind == "cluster":
        cluster: coredis.RedisCluster[bytes] = coredis.RedisCluster(
            startup_nodes=places, verify_version=False, decode_responses=False, **options
        )
        async with cluster:
            yield cluster
    elif address.kind == "sentinel":
        asking = {"connect_timeout": CONNECT_SECONDS, "stream_timeout": ANSWER_SECONDS}
        own = {**asking, "password": address.sentinel_password}
        async with (
            coredis.Sentinel(places, sentinel_kwargs=own, **options) as sentinel,
            sentinel.primary_for(address.service) as primary,
        ):
            yield primary
    else:
        async with coredis.Redis(places[0].host, places[0].port, verify_version=False, **options) as client:
            yield client
