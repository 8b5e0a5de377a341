"""Nodes that meet in a Redis, each behind a proxy of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from tests.services.proxy import Proxy, proxying
from tests.services.redis import Redis, running_redis

from chat_bus_redis import open_bus
from chatcore.config import Config
from chatcore.ports import Bus, ProviderContext
from chatcore.testing.clock import FakeClock


def context(url: str) -> ProviderContext:
    return ProviderContext(config=Config(redis_url=url), clock=FakeClock(), data_dir=None)


@attrs.define(eq=False)
class RedisSite:
    """A `chatcore.testing.bus.Site`."""

    redis: Redis
    proxies: dict[str, Proxy] = attrs.field(factory=dict)

    @asynccontextmanager
    async def node(self, name: str) -> AsyncIterator[Bus]:
        async with proxying(self.redis.port) as proxy:
            self.proxies[name] = proxy
            async with open_bus(context(f"redis://127.0.0.1:{proxy.port}")) as bus:
                yield bus

    def cut(self, name: str) -> None:
        self.proxies[name].cut()

    def freeze(self, name: str) -> None:
        self.proxies[name].freeze()

    def mend(self, name: str) -> None:
        self.proxies[name].mend()

    async def restart(self) -> None:
        self.redis.stop()
        self.redis.start()


@asynccontextmanager
async def redis_site() -> AsyncIterator[RedisSite]:
    """A Redis of its own: it has one channel for everybody who names no storage."""
    with running_redis() as redis:
        yield RedisSite(redis)
