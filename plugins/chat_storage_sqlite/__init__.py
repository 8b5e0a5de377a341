"""Storage in one SQLite file, or in memory.

What must hold is written in `chatcore.ports.storage`; how it is done here, from the outside in:

    provider    opens a database: address -> connection -> migrator -> epoch -> lanes
    storage     the port; hands every call to a lane
    threaded    a file: one writer thread (group commit), a few reader threads      job, writer, readers
    inline      memory: everything in the Trio thread
    batch       one SQLite transaction: many callers' acts, each in a savepoint of its own
    posting     the hot path: a run of messages in a handful of statements          post_rows
    tx          the tables of one transaction; one file per noun                    table, columns, layouts
    migrator    the schema, up and down                                            plugin_migrator
    backup      copies, and putting them back
    moving      the rows, for who moves to another database                        moving_in
    upkeep      the migrator port: schema, check and restore without opening the storage
"""

from collections.abc import Iterable

from chat_storage_sqlite.moving import open_snapshot, open_source
from chat_storage_sqlite.moving_in import open_target
from chat_storage_sqlite.provider import open_sqlite
from chat_storage_sqlite.upkeep import open_upkeep
from chatcore.hooks import hookimpl
from chatcore.ports import Provider

__all__ = ["open_sqlite", "open_upkeep", "register_providers"]


@hookimpl
def register_providers() -> Iterable[Provider]:
    """The storage for `sqlite:` and `memory:`, and the upkeep of the former."""
    return [
        Provider(kind="storage", name="sqlite", factory=open_sqlite, schemes=("sqlite", "memory")),
        Provider(kind="migrator", name="sqlite", factory=open_upkeep, schemes=("sqlite", "memory")),
        Provider(kind="source", name="sqlite", factory=open_source, schemes=("sqlite",)),
        Provider(kind="snapshot", name="sqlite", factory=open_snapshot, schemes=("sqlite",)),
        Provider(kind="target", name="sqlite", factory=open_target, schemes=("sqlite",)),
    ]
