"""Numbered migrations: `0001_initial.up.sql` and `0001_initial.down.sql`, each applied in a transaction of its own."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from chat_storage_sqlite.connection import Connection
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
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
    )
"""


def find_migrations(folder: Path | None = None) -> tuple[Scripts, ...]:
    """The migrations of this release, or those in another folder. Raises ConfigError when their numbers have a hole."""
    return read_scripts(folder or folder_of("chat_storage_sqlite", "sqlite"))


@attrs.frozen
class Migrator:
    """Brings the schema of one database up or down. Blocking: call it in a thread when something else must go on."""

    _db: Connection
    migrations: Sequence[Scripts] = attrs.field(factory=find_migrations)

    def status(self) -> list[Migration]:
        """Every migration of this release. Raises ConfigError as `check` does."""
        return status_of(self.migrations, self._applied())

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
        require_all(self.status())

    def _step(self, migration: Scripts, script: str, applied_at: int | None) -> bool:
        """Apply or undo one migration in a transaction, unless another process has just done so."""
        self._db.run("BEGIN IMMEDIATE")
        try:
            self._db.run(_TABLE)
            applied = self._applied()
            refuse_strange(self.migrations, applied)
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

    def _record(self, migration: Scripts, applied_at: int | None) -> None:
        if applied_at is None:
            self._db.run("DELETE FROM schema_migrations WHERE version = ?", migration.version)
        else:
            sql = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)"
            self._db.run(sql, migration.version, migration.name, applied_at)

    def _applied(self) -> dict[int, str]:
        if not self._has_table("schema_migrations"):
            if self._has_table("messages"):
                raise no_record()
            return {}
        rows = self._db.json("SELECT json_group_array(json_array(version, name)) FROM schema_migrations")
        return dict(rows)

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
