"""The promises of `chatcore.ports.storage`, as a suite that every storage must pass.

class TestMyStorage(StorageContract):
    def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        return open_my_storage(...)
"""

from chatcore.testing.storage.base import PLUGIN_TABLES
from chatcore.testing.storage.changes import ChangeTests
from chatcore.testing.storage.counting import CountingTests
from chatcore.testing.storage.event_log import EventLogTests
from chatcore.testing.storage.history import HistoryTests
from chatcore.testing.storage.lasting import LastingTests
from chatcore.testing.storage.pairs import PairTests
from chatcore.testing.storage.places import PlaceTests
from chatcore.testing.storage.plugin_tables import PluginTableTests
from chatcore.testing.storage.posting import PostingTests
from chatcore.testing.storage.rows import RowTests
from chatcore.testing.storage.searching import SearchTests
from chatcore.testing.storage.transactions import TransactionTests

__all__ = ["PLUGIN_TABLES", "StorageContract"]


class StorageContract(
    TransactionTests,
    RowTests,
    PlaceTests,
    PostingTests,
    HistoryTests,
    ChangeTests,
    CountingTests,
    SearchTests,
    EventLogTests,
    PairTests,
    PluginTableTests,
    LastingTests,
):
    """Inherit, and say how a storage is opened; see `StorageTests` for what else can be said about it."""
