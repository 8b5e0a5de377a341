"""What all parts of the storage contract stand on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import pytest

from chatcore.ports import Clock, PluginMigration, Storage
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract
from chatcore.testing.storage.town import Town, found_town

PLUGIN = "suite"
PLUGIN_TABLES: Mapping[str, Sequence[PluginMigration]] = {
    PLUGIN: [
        PluginMigration(
            version=1,
            name="words",
            up={
                "sqlite": "CREATE TABLE suite_words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, data BLOB);",
                "postgresql": "CREATE TABLE suite_words "
                "(id BIGINT PRIMARY KEY, word TEXT NOT NULL UNIQUE, data BYTEA);",
            },
            down={"sqlite": "DROP TABLE suite_words;", "postgresql": "DROP TABLE suite_words;"},
        ),
        PluginMigration(
            version=2,
            name="weights",
            up={
                "sqlite": "ALTER TABLE suite_words ADD COLUMN weight REAL;\n"
                "CREATE INDEX suite_words_by_weight ON suite_words (weight);",
                "postgresql": "ALTER TABLE suite_words ADD COLUMN weight DOUBLE PRECISION;\n"
                "CREATE INDEX suite_words_by_weight ON suite_words (weight);",
            },
            down={
                "sqlite": "DROP INDEX suite_words_by_weight;\nALTER TABLE suite_words DROP COLUMN weight;",
                "postgresql": "DROP INDEX suite_words_by_weight;\nALTER TABLE suite_words DROP COLUMN weight;",
            },
        ),
    ]
}
"""A plugin's own tables, for the tests of them."""


class StorageTests(Contract):
    """An implementation says how its storage is opened, and what kind of storage it is."""

    pytestmark = pytest.mark.trio

    durable: ClassVar[bool] = True
    """False for a storage that dies when it is closed."""
    shared: ClassVar[bool] = True
    """False for a storage that can be open only once at a time."""

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        """The storage of this test: empty when a test opens it first, and the same one when it is opened again.

        It is opened with `plugin_tables=PLUGIN_TABLES` in its ProviderContext, and these are there.
        """
        raise NotImplementedError

    @asynccontextmanager
    async def town(self, people: int = 3) -> AsyncIterator[Town]:
        """A town in the storage."""
        async with self.open_storage(FakeClock()) as storage:
            yield await found_town(storage, people)

    def needs_durable(self) -> None:
        """Skip the test for a storage that forgets."""
        if not self.durable:
            pytest.skip("this storage dies when it is closed")

    def needs_shared(self) -> None:
        """Skip the test for a storage that nobody else can open."""
        if not self.shared:
            pytest.skip("this storage can be open only once")
