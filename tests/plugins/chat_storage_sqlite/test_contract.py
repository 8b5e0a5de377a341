"""The storage contract, for a file and for memory."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.ports import Clock, ProviderContext, Storage
from chatcore.testing.storage import StorageContract


class TestFile(StorageContract):
    """A database in a file keeps every promise."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.url = f"sqlite:///{tmp_path}/chat.db"

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        return open_sqlite(ProviderContext(config=Config(database_url=self.url), clock=clock, data_dir=None))


class TestMemory(StorageContract):
    """A database in memory keeps every promise but to last."""

    durable = False
    shared = False

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        return open_sqlite(ProviderContext(config=Config(database_url="memory:"), clock=clock, data_dir=None))
