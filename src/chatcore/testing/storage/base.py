"""What all parts of the storage contract stand on."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import pytest

from chatcore.ports import Clock, Storage
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract
from chatcore.testing.storage.town import Town, found_town


class StorageTests(Contract):
    """An implementation says how its storage is opened, and what kind of storage it is."""

    pytestmark = pytest.mark.trio

    durable: ClassVar[bool] = True
    """False for a storage that dies when it is closed."""
    shared: ClassVar[bool] = True
    """False for a storage that can be open only once at a time."""

    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        """The storage of this test: empty when a test opens it first, and the same one when it is opened again."""
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
