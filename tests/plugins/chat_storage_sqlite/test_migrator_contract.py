"""The contract of migrators, for a file."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from chat_storage_sqlite.upkeep import open_upkeep
from chatcore.config import Config
from chatcore.ports import Clock, Migrator, ProviderContext
from chatcore.testing.migrator import MigratorContract
from chatcore.testing.storage import PLUGIN_TABLES


class TestFile(MigratorContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.url = f"sqlite:///{tmp_path}/chat.db"

    def open_migrator(self, clock: Clock) -> AbstractAsyncContextManager[Migrator]:
        config = Config(database_url=self.url)
        return open_upkeep(ProviderContext(config=config, clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES))
