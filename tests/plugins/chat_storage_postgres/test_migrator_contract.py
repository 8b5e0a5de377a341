"""The contract of migrators, on a real PostgreSQL."""

from contextlib import AbstractAsyncContextManager

import pytest
from tests.services.postgres import Postgres

from chat_storage_postgres import open_upkeep
from chatcore.config import Config
from chatcore.ports import Clock, Migrator, ProviderContext
from chatcore.testing.migrator import MigratorContract
from chatcore.testing.storage import PLUGIN_TABLES


class TestPostgres(MigratorContract):
    @pytest.fixture(autouse=True)
    def _place(self, postgres: Postgres) -> None:
        self.url = postgres.new_database()

    def open_migrator(self, clock: Clock) -> AbstractAsyncContextManager[Migrator]:
        config = Config(database_url=self.url)
        return open_upkeep(ProviderContext(config=config, clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES))
