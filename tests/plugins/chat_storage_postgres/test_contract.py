"""The storage contract, on a real PostgreSQL."""

from contextlib import AbstractAsyncContextManager

import pytest

from chat_storage_postgres import open_postgres
from chatcore.config import Config
from chatcore.ports import Clock, ProviderContext, Storage
from chatcore.testing.storage import PLUGIN_TABLES, StorageContract


class TestPostgres(StorageContract):
    """A database in PostgreSQL keeps every promise."""

    @pytest.fixture(autouse=True)
    def _place(self, url: str) -> None:
        self.url = url

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        config = Config(database_url=self.url)
        return open_postgres(ProviderContext(config=config, clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES))
