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
    plugin: str = ""
    """Whose tables it is about; empty for the schema of the core."""


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

        Raises ConfigError, also when somebody has the database open, or a plugin has tables that would be left behind.
        """
        ...

    async def plugin_status(self) -> list[Migration]:
        """Every step of the installed plugins' own tables. Raises ConfigError."""
        ...

    async def plugins_up(self) -> list[Migration]:
        """Apply what is missing of the plugins' steps; returns what was applied.

        The core's schema must be up to date. Raises ConfigError.
        """
        ...

    async def plugin_down(self, plugin: str, to: int) -> list[Migration]:
        """Undo the steps of one plugin above `to` (0: its tables go), newest first; returns what was undone.

        Raises ConfigError, also for a plugin that is not installed, and when somebody has the database open.
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
