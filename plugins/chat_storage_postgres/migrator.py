"""Numbered migrations: `0001_initial.up.sql` and `0001_initial.down.sql`, each applied in a transaction of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import attrs

from chatcore.errors import ConfigError
from chatcore.ports import Migration
from chatcore.ports.schema import (
    Scripts,
    folder_of,
    no_record,
    read_scripts,
    refuse_strange,
    require_all,
    status_of,
)

_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
    )
"""
_HAS_TABLE = "SELECT to_regclass($1) IS NOT NULL"
_LOCK = 0x63686174_6D696772
"""`chatmigr`, as the key of an advisory lock: one migrates, the others wait, and find nothing left to do."""


def find_migrations(folder: Path | None = None) -> tuple[Scripts, ...]:
    """The migrations of this release, or those in another folder. Raises ConfigError when their numbers have a hole."""
    return read_scripts(folder or folder_of("chat_storage_postgres", "postgres"))


@attrs.frozen
class Migrator:
    """Brings the schema of one database up or down, over a connection of asyncpg."""

    _raw: Any
    migrations: Sequence[Scripts] = attrs.field(factory=find_migrations)

    async def status(self) -> list[Migration]:
        """Every migration of this release. Raises ConfigError as `check` does."""
        return status_of(self.migrations, await self._applied())

    async def up(self, to: int | None = None) -> list[int]:
        """Apply what is missing, up to the version `to`; returns what was applied. Raises ConfigError."""
        target = len(self.migrations) if to is None else to
        return [m.version for m in self.migrations[:target] if await self._step(m, m.up, wanted=True)]

    async def down(self, to: int) -> list[int]:
        """Undo what lies above `to` (0: everything), newest first; returns what was undone. Raises ConfigError."""
        return [m.version for m in reversed(self.migrations[to:]) if await self._step(m, m.down, wanted=False)]

    async def check(self) -> None:
        """Raises ConfigError unless the schema is that of this release."""
        require_all(await self.status(), then=", or start with `chatcore serve --migrate`")

    async def _step(self, migration: Scripts, script: str, *, wanted: bool) -> bool:
        """Apply or undo one migration in a transaction, unless another process has just done so."""
        try:
            async with self._raw.transaction():
                await begin_step(self._raw)
                applied = await self._applied()
                refuse_strange(self.migrations, applied)
                await self._raw.execute(_TABLE)
                if (migration.version in applied) == wanted:
                    return False
                await self._raw.execute(script)
                await self._record(migration, wanted=wanted)
                return True
        except asyncpg.PostgresError as error:
            raise ConfigError(f"Migration {migration.version:04} ({migration.name}) failed: {error}") from error

    async def _record(self, migration: Scripts, *, wanted: bool) -> None:
        if wanted:
            sql = "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)"
            await self._raw.execute(sql, migration.version, migration.name)
        else:
            await self._raw.execute("DELETE FROM schema_migrations WHERE version = $1", migration.version)

    async def _applied(self) -> dict[int, str]:
        if not await self._raw.fetchval(_HAS_TABLE, "schema_migrations"):
            if await self._raw.fetchval(_HAS_TABLE, "messages"):
                raise no_record()
            return {}
        return dict(await self._raw.fetch("SELECT version, name FROM schema_migrations"))


async def begin_step(raw: Any) -> None:
    """Wait until no other process migrates; until the end of the transaction none will."""
    await raw.execute(
        f"SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({_LOCK}); SET LOCAL lock_timeout = '10s'"
    )
