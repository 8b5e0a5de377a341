"""The storage contract, for a file and for memory."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.ports import Clock, ProviderContext, Storage
from chatcore.testing.storage import PLUGIN_TABLES, StorageContract


def context(url: str, clock: Clock) -> ProviderContext:
    return ProviderContext(config=Config(database_url=url), clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES)


class TestFile(StorageContract):
    """A database in a file keeps every promise."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.url = f"sqlite:///{tmp_path}/chat.db"

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        return open_sqlite(context(self.url, clock))


class TestMemory(StorageContract):
    """A database in memory keeps every promise but to last."""

    durable = False
    shared = False

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        return open_sqlite(context("memory:", clock))
