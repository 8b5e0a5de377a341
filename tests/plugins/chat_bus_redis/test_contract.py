"""The bus over Redis keeps every promise, alone and between nodes."""

from contextlib import AbstractAsyncContextManager

import pytest
from tests.plugins.chat_bus_redis.site import context, redis_site
from tests.services.redis import Redis

from chat_bus_redis import open_bus
from chatcore.ports import Bus
from chatcore.testing.bus import BusContract, SharedBusContract, Site


class TestRedisBus(BusContract):
    """One node."""

    @pytest.fixture(autouse=True)
    def _server(self, redis: Redis) -> None:
        self.url = redis.url

    def open_bus(self) -> AbstractAsyncContextManager[Bus]:
        return open_bus(context(self.url))


class TestSharedRedisBus(SharedBusContract):
    """Several nodes, behind proxies."""

    def open_site(self) -> AbstractAsyncContextManager[Site]:
        return redis_site()
