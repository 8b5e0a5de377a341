"""Moving house: everything that one storage holds, carried into one of another kind (providers `source`,
`snapshot`, `target`).

What is carried are rows of plain values: text, whole numbers, numbers, bytes, None. Times are whole milliseconds,
booleans 0 and 1, ids and free objects text. A table's rows come in an order that never changes, and those of a table
that refers to another come after it, so that a copy that was interrupted goes on after the last row that arrived.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from chatcore.errors import ConfigError

Values = tuple[Any, ...]

TABLES = (
    "users",
    "credentials",
    "sessions",
    "bot_tokens",
    "user_presence",
    "workspaces",
    "workspace_members",
    "invites",
    "channels",
    "channel_members",
    "messages",
    "deleted_messages",
    "message_mentions",
    "message_reactions",
    "attachments",
    "huddles",
    "huddle_participants",
    "huddle_devices",
    "huddle_pins",
    "recordings",
    "events",
    "audit_log",
    "rate_counters",
    "emoji_presets",
    "pairs",
)
"""The core's, each after those that it refers to; those of plugins follow."""
OWN_TABLES = frozenset({"meta", "schema_migrations", "plugin_migrations"})
"""About the database itself, and not carried."""
EVERYONE = "*"
"""Whom a row of `message_mentions` that is for everyone names."""


class Source(Protocol):
    """One state of a database. Of a `source` nobody has it open, of a `snapshot` others may go on writing."""

    @property
    def epoch(self) -> str:
        """The epoch of its event log, which a copy keeps."""
        ...

    async def tables(self) -> Sequence[str]:
        """The names of its tables, each after those that it refers to."""
        ...

    async def count(self, table: str) -> int: ...

    async def columns(self, table: str) -> Sequence[str]: ...

    def batches(self, table: str, *, skip: int) -> AsyncGenerator[Sequence[Values], None]:
        """The rows after the first `skip`, a few thousand at a time."""
        ...


class Target(Protocol):
    """A database with the schema, empty or half filled from the same source."""

    async def begin(self, epoch: str) -> None:
        """From now on it is being filled, and no server opens it. Raises ConfigError unless it may be."""
        ...

    async def count(self, table: str) -> int:
        """How many rows have arrived."""
        ...

    async def normalised(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> Sequence[Values]:
        """The rows as they will be read back."""
        ...

    async def write(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Add rows, all or none. Raises ConfigError."""
        ...

    def batches(self, table: str, columns: Sequence[str]) -> AsyncGenerator[Sequence[Values], None]:
        """All rows, in any order."""
        ...

    async def finish(self, epoch: str) -> None:
        """It is whole: servers may open it."""
        ...


def in_order(tables: Iterable[Sequence[str | None]]) -> list[str]:
    """Our tables, then those of plugins, each after those that it refers to.

    tables: name, and the name of one to which it refers or None; a line for each reference. Raises ConfigError when
    tables of plugins refer to each other in a circle.
    """
    known = {*TABLES, *OWN_TABLES}
    pairs = [(name, other) for name, other in tables if name is not None and name not in known]
    refers_to: dict[str, set[str]] = {name: set() for name, _ in pairs}
    for name, other in pairs:
        if other in refers_to and other != name and other is not None:
            refers_to[name].add(other)
    try:
        return [*TABLES, *TopologicalSorter(refers_to).static_order()]
    except CycleError as error:
        raise ConfigError(f"Tables of plugins refer to each other in a circle: {', '.join(error.args[1])}.") from error
