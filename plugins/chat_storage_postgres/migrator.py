"""Numbered migrations: `0001_initial.up.sql` and `0001_initial.down.sql`, each applied in a transaction of its own."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import attrs

from chatcore.errors import ConfigError

_NAME = re.compile(r"(\d{4})_(\w+)\.up\.sql\Z")
_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
    )
"""
_HAS_TABLE = "SELECT to_regclass($1) IS NOT NULL"
_LOCK = 0x63686174_6D696772
"""`chatmigr`, as the key of an advisory lock: one migrates, the others wait, and find nothing left to do."""


@attrs.frozen
class Migration:
    version: int
    name: str
    up: str
    down: str


@attrs.frozen
class MigrationStatus:
    """One line of `chatcore migrate status`."""

    version: int
    name: str
    applied: bool


def find_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """The migrations of this release, or those in another folder. Raises ConfigError when their numbers have a hole."""
    folder = folder or _folder()
    found = [_load(path, match) for path in sorted(folder.iterdir()) if (match := _NAME.match(path.name))]
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigError(f"The migrations in {folder} are not numbered 0001, 0002, … without a hole.")
    return tuple(found)


def _folder() -> Path:
    """Inside the package when installed from a wheel; at the root of the repository in a checkout."""
    packaged = Path(str(files("chat_storage_postgres"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations" / "postgres"


def _load(path: Path, match: re.Match[str]) -> Migration:
    down = path.with_name(path.name.replace(".up.", ".down."))
    return Migration(int(match[1]), match[2], path.read_text("utf-8"), down.read_text("utf-8"))


@attrs.frozen
class Migrator:
    """Brings the schema of one database up or down, over a connection of asyncpg."""

    _raw: Any
    migrations: Sequence[Migration] = attrs.field(factory=find_migrations)

    async def status(self) -> list[MigrationStatus]:
        """Every migration of this release. Raises ConfigError as `check` does."""
        applied = await self._applied()
        self._refuse_strange(applied)
        return [MigrationStatus(m.version, m.name, m.version <= len(applied)) for m in self.migrations]

    async def up(self, to: int | None = None) -> list[int]:
        """Apply what is missing, up to the version `to`; returns what was applied. Raises ConfigError."""
        target = len(self.migrations) if to is None else to
        return [m.version for m in self.migrations[:target] if await self._step(m, m.up, wanted=True)]

    async def down(self, to: int) -> list[int]:
        """Undo what lies above `to` (0: everything), newest first; returns what was undone. Raises ConfigError."""
        return [m.version for m in reversed(self.migrations[to:]) if await self._step(m, m.down, wanted=False)]

    async def check(self) -> None:
        """Raises ConfigError unless the schema is that of this release."""
        missing = [line for line in await self.status() if not line.applied]
        if missing:
            raise ConfigError(
                f"The database lacks migration {missing[0].version:04} ({missing[0].name}): "
                "run `chatcore migrate up`, or start with `chatcore serve --migrate`."
            )

    async def _step(self, migration: Migration, script: str, *, wanted: bool) -> bool:
        """Apply or undo one migration in a transaction, unless another process has just done so."""
        try:
            async with self._raw.transaction():
                await begin_step(self._raw)
                applied = await self._applied()
                self._refuse_strange(applied)
                await self._raw.execute(_TABLE)
                if (migration.version in applied) == wanted:
                    return False
                await self._raw.execute(script)
                await self._record(migration, wanted=wanted)
                return True
        except asyncpg.PostgresError as error:
            raise ConfigError(f"Migration {migration.version:04} ({migration.name}) failed: {error}") from error

    async def _record(self, migration: Migration, *, wanted: bool) -> None:
        if wanted:
            sql = "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)"
            await self._raw.execute(sql, migration.version, migration.name)
        else:
            await self._raw.execute("DELETE FROM schema_migrations WHERE version = $1", migration.version)

    async def _applied(self) -> dict[int, str]:
        if not await self._raw.fetchval(_HAS_TABLE, "schema_migrations"):
            if await self._raw.fetchval(_HAS_TABLE, "messages"):
                raise ConfigError("The database has tables but no record of its migrations: restore a backup of it.")
            return {}
        return dict(await self._raw.fetch("SELECT version, name FROM schema_migrations"))

    def _refuse_strange(self, applied: dict[int, str]) -> None:
        known = {migration.version: migration.name for migration in self.migrations}
        for version, name in sorted(applied.items()):
            if known.get(version) != name:
                raise ConfigError(
                    f"The database has migration {version:04} ({name}), which this release does not know: "
                    f"install the newer release, or go back with its `chatcore migrate down --to {len(known)}`."
                )
        hole = next((version for version in range(1, len(applied) + 1) if version not in applied), None)
        if hole is not None:
            raise ConfigError(
                f"The database is half migrated: {hole:04} ({known[hole]}) is missing below later ones. "
                "Restore a backup, then run `chatcore migrate up`."
            )


async def begin_step(raw: Any) -> None:
    """Wait until no other process migrates; until the end of the transaction none will."""
    await raw.execute(
        f"SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({_LOCK}); SET LOCAL lock_timeout = '10s'"
    )
