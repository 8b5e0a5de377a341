"""The steps of the plugins' own tables: recorded apart from ours, and held to their own names."""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence

import attrs

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.migrator import statements
from chatcore.errors import ChatError, ConfigError, ValidationFailed
from chatcore.ports import Migration, PluginMigration
from chatcore.ports.plugin_data import check_names, script
from chatcore.ports.schema import known_to, line_of, require_all, steps_of, still_there, touched

_RECORD = "INSERT INTO plugin_migrations (plugin, version, name, applied_at) VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM plugin_migrations WHERE plugin = ? AND version = ?"
# What SQLite makes for itself (an index for each UNIQUE, the statistics) has names of its own.
_OBJECTS = """
    SELECT json_group_array(json_array(name, sql)) FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
"""
# With one of these a script would leave the transaction that it is applied in.
_ENDS = re.compile(r"\s*(--.*\n\s*)*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|ATTACH|DETACH|VACUUM|PRAGMA)\b", re.I)
_APPLIED = "SELECT json_group_array(json_array(version, name)) FROM plugin_migrations WHERE plugin = ?"


@attrs.frozen
class PluginMigrator:
    """Brings the tables of every plugin up, or those of one plugin down; the core's schema must be there."""

    _db: Connection
    steps: Mapping[str, Sequence[PluginMigration]]
    """By plugin, in the order of their versions."""

    def status(self) -> list[Migration]:
        """Every step of the plugins that are installed. Raises ConfigError for one that a plugin does not know."""
        return [
            line_of(plugin, step, applied=step.version in applied)
            for plugin, steps in self.steps.items()
            for applied in (self._applied(plugin),)
            for step in steps
        ]

    def up(self, *, now_ms: int) -> list[Migration]:
        """Apply what is missing; returns what was applied. Raises ConfigError."""
        done = []
        for plugin, steps in self.steps.items():
            for step in steps:
                record = (_RECORD, plugin, step.version, step.name, now_ms)
                if self._step(plugin, step, up=True, record=lambda record=record: self._db.run(*record)):  # type: ignore[misc]
                    done.append(line_of(plugin, step, applied=True))
        return done

    def down(self, plugin: str, to: int) -> list[Migration]:
        """Undo the steps of one plugin above `to`, newest first; returns what was undone. Raises ConfigError."""
        steps = steps_of(plugin, self.steps)
        done = []
        for step in reversed(steps[to:]):
            version = step.version
            if self._step(
                plugin,
                step,
                up=False,
                record=lambda version=version: self._db.run(_FORGET, plugin, version),  # type: ignore[misc]
            ):
                done.append(line_of(plugin, step, applied=False))
        return done

    def require_none(self) -> None:
        """Raises ConfigError while a plugin has tables: with our record of them, nobody could undo them."""
        if not self._recorded():
            return
        plugin = self._db.value("SELECT plugin FROM plugin_migrations ORDER BY plugin LIMIT 1")
        if plugin is not None:
            raise still_there(plugin)

    def check(self) -> None:
        """Raises ConfigError unless every step was applied."""
        require_all(self.status())

    def _step(self, plugin: str, step: PluginMigration, *, up: bool, record: Callable[[], object]) -> bool:
        """Apply or undo one step in a transaction, unless another process has just done so."""
        text = script(plugin, step, "sqlite", up=up)
        self._db.run("BEGIN IMMEDIATE")
        try:
            if (step.version in self._applied(plugin)) == up:
                self._db.rollback()
                return False
            before = self._objects()
            for statement in statements(text):
                if _ENDS.match(statement):
                    raise ValidationFailed(f"it must not contain {statement.split()[0]}")
                self._db.run(statement)
            check_names(plugin, step, touched(before, self._objects()))
            record()
            self._db.run("COMMIT")
        except (sqlite3.Error, sqlite3.Warning, ChatError) as error:
            self._db.rollback()
            raise ConfigError(f"plugin {plugin}: step {step.version} ({step.name}) failed: {error}") from error
        except BaseException:
            self._db.rollback()
            raise
        return True

    def _applied(self, plugin: str) -> dict[int, str]:
        rows = self._db.json(_APPLIED, plugin) if self._recorded() else []
        return known_to(plugin, self.steps.get(plugin, ()), rows)

    def _recorded(self) -> bool:
        """Whether our schema is one that records steps of plugins."""
        found = self._db.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'plugin_migrations'")
        return found is not None

    def _objects(self) -> dict[str, str]:
        return dict(self._db.json(_OBJECTS))
