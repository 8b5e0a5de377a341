"""The migrator port: the schema of a database, and its upkeep from outside (provider kind `migrator`).

It belongs to the storage of the same URL scheme, and works on the database without opening that storage: before there
is a schema, after one that is too old, or when a copy is put back.
"""

from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class Migration:
    """One numbered step of the schema, of those that this release knows."""

    version: int
    name: str
    applied: bool


class Migrator(Protocol):
    async def status(self) -> list[Migration]:
        """Every step of this release; none is applied where there is no database yet, and none is made.

        Raises ConfigError for a database that this release cannot use.
        """
        ...

    async def up(self, to: int | None = None) -> list[int]:
        """Apply what is missing, up to the version `to`, and make the database if need be; returns what was applied.

        Raises ConfigError.
        """
        ...

    async def down(self, to: int) -> list[int]:
        """Undo what lies above the version `to` (0: everything, the data too), newest first; returns what was undone.

        Raises ConfigError, also when somebody has the database open.
        """
        ...

    async def check(self) -> list[str]:
        """What is damaged, each in a line; nothing in a sound database. Reads all of it. Raises ConfigError."""
        ...

    async def restore(self, source: str) -> None:
        """Put the backup `source` in the place of the database, whole or not at all.

        Raises ConfigError when the backup is damaged, or somebody has the database open.
        """
        ...
