"""Nodes that meet in a PostgreSQL, each behind a proxy of its own."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from tests.services.postgres import Postgres
from tests.services.proxy import Proxy, proxying

from chat_bus_postgres import open_bus
from chatcore.config import Config
from chatcore.ports import Bus, ProviderContext
from chatcore.testing.clock import FakeClock


def context(url: str) -> ProviderContext:
    return ProviderContext(config=Config(database_url=url), clock=FakeClock(), data_dir=None)


@attrs.define(eq=False)
class PostgresSite:
    """A `chatcore.testing.bus.Site`."""

    postgres: Postgres
    database: str
    proxies: dict[str, Proxy] = attrs.field(factory=dict)

    @asynccontextmanager
    async def node(self, name: str) -> AsyncIterator[Bus]:
        async with proxying(self.postgres.port) as proxy:
            self.proxies[name] = proxy
            async with open_bus(context(f"postgresql://chat@127.0.0.1:{proxy.port}/{self.database}")) as bus:
                yield bus

    def cut(self, name: str) -> None:
        self.proxies[name].cut()

    def freeze(self, name: str) -> None:
        self.proxies[name].freeze()

    def mend(self, name: str) -> None:
        self.proxies[name].mend()

    async def restart(self) -> None:
        self.postgres.stop()
        self.postgres.start()


@asynccontextmanager
async def postgres_site(postgres: Postgres) -> AsyncIterator[PostgresSite]:
    """A database of its own."""
    found = re.search(r"/(chat\d+)\b", postgres.new_database())
    assert found
    yield PostgresSite(postgres, found[1])
