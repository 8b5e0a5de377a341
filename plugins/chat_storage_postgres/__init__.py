"""Storage in PostgreSQL, for one server process or many.

What must hold is written in `chatcore.ports.storage`; how it is done here, from the outside in:

    provider    what the registry is given; asyncpg is imported only when PostgreSQL is chosen
    opening     opens a database: schema -> epoch -> bridge -> lanes
    storage     the port, in the Trio thread: hands every call to a lane                    job
    writer      one connection; a transaction for whatever has gathered meanwhile           commit, verdict, analyst
    batch       what is done in that transaction: many callers' acts                        stale
    posting     the hot path: a run of messages in a statement or two                       post_rows, memory
    readers     a pool of connections that cannot write                                     pool, probing
    replica     pages of messages, from a copy that has come as far as the primary
    pulse       tells a server that is at work from one that hangs
    tx          the tables of one transaction; one file per noun                            table, columns, layouts
    connection  statements in, rows out, errors in our words                                faults, connecting
    migrator    the schema, up and down
    moving      everything of another database, moved in                                    moving_out
    upkeep      the migrator port: schema and check without opening the storage

Everything below `storage` runs on the bridge's loop (`chatcore.bridge`), in a thread of its own.
"""

from collections.abc import Iterable

from chat_storage_postgres.provider import SCHEMES, open_postgres, open_snapshot, open_target, open_upkeep
from chatcore.hooks import hookimpl
from chatcore.ports import Provider

__all__ = ["open_postgres", "open_upkeep", "register_providers"]


@hookimpl
def register_providers() -> Iterable[Provider]:
    """The storage for `postgresql:` and its upkeep."""
    return [
        Provider(kind="storage", name="postgres", factory=open_postgres, schemes=SCHEMES),
        Provider(kind="migrator", name="postgres", factory=open_upkeep, schemes=SCHEMES),
        Provider(kind="target", name="postgres", factory=open_target, schemes=SCHEMES),
        Provider(kind="snapshot", name="postgres", factory=open_snapshot, schemes=SCHEMES),
    ]
