"""Numbered migrations: `0001_initial.up.sql` and `0001_initial.down.sql`, each applied in a transaction of its own."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import attrs

from chat_storage_sqlite.connection import Connection
from chatcore.errors import ConfigError

_NAME = re.compile(r"(\d{4})_(\w+)\.up\.sql\Z")
_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
    )
"""


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
    packaged = Path(str(files("chat_storage_sqlite"))) / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations" / "sqlite"


def _load(path: Path, match: re.Match[str]) -> Migration:
    down = path.with_name(path.name.replace(".up.", ".down."))
    return Migration(int(match[1]), match[2], path.read_text("utf-8"), down.read_text("utf-8"))


@attrs.frozen
class Migrator:
    """Brings the schema of one database up or down. Blocking: call it in a thread when something else must go on."""

    _db: Connection
    migrations: Sequence[Migration] = attrs.field(factory=find_migrations)

    def status(self) -> list[MigrationStatus]:
        """Every migration of this release. Raises ConfigError as `check` does."""
        applied = self._applied()
        self._refuse_strange(applied)
        return [MigrationStatus(m.version, m.name, m.version <= len(applied)) for m in self.migrations]

    def up(self, to: int | None = None, *, now_ms: int) -> list[int]:
        """Apply what is missing, up to the version `to`; returns what was applied. Raises ConfigError."""
        target = len(self.migrations) if to is None else to
        done = []
        for migration in self.migrations[:target]:
            if self._step(migration, migration.up, now_ms):
                done.append(migration.version)
        return done

    def down(self, to: int) -> list[int]:
        """Undo what lies above `to` (0: everything), newest first; returns what was undone. Raises ConfigError."""
        done = []
        for migration in reversed(self.migrations[to:]):
            if self._step(migration, migration.down, None):
                done.append(migration.version)
        return done

    def check(self) -> None:
        """Raises ConfigError unless the schema is that of this release."""
        missing = [line for line in self.status() if not line.applied]
        if missing:
            raise ConfigError(
                f"The database lacks migration {missing[0].version:04} ({missing[0].name}): run `chatcore migrate up`."
            )

    def _step(self, migration: Migration, script: str, applied_at: int | None) -> bool:
        """Apply or undo one migration in a transaction, unless another process has just done so."""
        self._db.run("BEGIN IMMEDIATE")
        try:
            self._db.run(_TABLE)
            applied = self._applied()
            self._refuse_strange(applied)
            wanted = applied_at is not None
            if (migration.version in applied) != wanted:
                for statement in statements(script):
                    self._db.run(statement)
                self._record(migration, applied_at)
                self._db.run("COMMIT")
                return True
            self._db.rollback()
            return False
        except sqlite3.Error as error:
            self._db.rollback()
            raise ConfigError(f"Migration {migration.version:04} ({migration.name}) failed: {error}") from error
        except BaseException:
            self._db.rollback()
            raise

    def _record(self, migration: Migration, applied_at: int | None) -> None:
        if applied_at is None:
            self._db.run("DELETE FROM schema_migrations WHERE version = ?", migration.version)
        else:
            sql = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)"
            self._db.run(sql, migration.version, migration.name, applied_at)

    def _applied(self) -> dict[int, str]:
        if not self._has_table("schema_migrations"):
            if self._has_table("messages"):
                raise ConfigError("The database has tables but no record of its migrations: restore a backup of it.")
            return {}
        rows = self._db.json("SELECT json_group_array(json_array(version, name)) FROM schema_migrations")
        return dict(rows)

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

    def _has_table(self, name: str) -> bool:
        return self._db.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name) is not None


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit in between."""
    statement = ""
    for piece in re.split("(?<=;)", script):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
