"""The bus over PostgreSQL keeps every promise, alone and between nodes."""

from contextlib import AbstractAsyncContextManager

import pytest
from tests.plugins.chat_bus_postgres.site import context, postgres_site
from tests.services.postgres import Postgres

from chat_bus_postgres import open_bus
from chatcore.ports import Bus
from chatcore.testing.bus import BusContract, SharedBusContract, Site


class TestPostgresBus(BusContract):
    """One node."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.url = postgres.url()

    def open_bus(self) -> AbstractAsyncContextManager[Bus]:
        return open_bus(context(self.url))


class TestSharedPostgresBus(SharedBusContract):
    """Several nodes, behind proxies."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def open_site(self) -> AbstractAsyncContextManager[Site]:
        return postgres_site(self.postgres)
