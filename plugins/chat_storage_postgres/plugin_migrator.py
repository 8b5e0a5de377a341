"""The steps of the plugins' own tables: recorded apart from ours, and held to their own names."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import attrs

from chat_storage_postgres.migrator import begin_step
from chat_storage_postgres.quoting import first_words
from chatcore.errors import ChatError, ConfigError, ValidationFailed
from chatcore.ports import Migration, PluginMigration
from chatcore.ports.plugin_data import check_names, script
from chatcore.ports.schema import known_to, line_of, require_all, steps_of, still_there, touched

_RECORD = "INSERT INTO plugin_migrations (plugin, version, name) VALUES ($1, $2, $3)"
_FORGET = "DELETE FROM plugin_migrations WHERE plugin = $1 AND version = $2"
_APPLIED = "SELECT version, name FROM plugin_migrations WHERE plugin = $1"
_ANY = "SELECT plugin FROM plugin_migrations ORDER BY plugin LIMIT 1"
# Tables with what hangs on them, indexes, sequences, views; functions; types that are not a table's.
_OBJECTS = """
    SELECT c.relname, c.oid::text || coalesce(md5((
        SELECT string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped), ','
            ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid
    )), '') || coalesce(md5((
        SELECT string_agg(k.conname || pg_get_constraintdef(k.oid), ',' ORDER BY k.conname)
        FROM pg_constraint k WHERE k.conrelid = c.oid
    )), '') || coalesce(md5((
        SELECT string_agg(pg_get_triggerdef(t.oid), ',' ORDER BY t.tgname)
        FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    )), '')
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT p.proname, md5(pg_get_functiondef(p.oid)) FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind IN ('f', 'p')
    UNION ALL
    SELECT t.typname, t.oid::text FROM pg_type t
    WHERE t.typnamespace = current_schema()::regnamespace AND t.typrelid = 0 AND t.typcategory <> 'A'
"""
# With one of these a script would leave the transaction that it is applied in, or could not be in one.
_ENDS = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE", "VACUUM"})


@attrs.frozen
class PluginMigrator:
    """Brings the tables of every plugin up, or those of one plugin down; the core's schema must be there."""

    _raw: Any
    steps: Mapping[str, Sequence[PluginMigration]]
    """By plugin, in the order of their versions."""

    async def status(self) -> list[Migration]:
        """Every step of the plugins that are installed. Raises ConfigError for one that a plugin does not know."""
        lines = []
        for plugin, steps in self.steps.items():
            applied = await self._applied(plugin)
            lines += [line_of(plugin, step, applied=step.version in applied) for step in steps]
        return lines

    async def up(self) -> list[Migration]:
        """Apply what is missing; returns what was applied. Raises ConfigError."""
        return [
            line_of(plugin, step, applied=True)
            for plugin, steps in self.steps.items()
            for step in steps
            if await self._step(plugin, step, up=True)
        ]

    async def down(self, plugin: str, to: int) -> list[Migration]:
        """Undo the steps of one plugin above `to`, newest first; returns what was undone. Raises ConfigError."""
        steps = steps_of(plugin, self.steps)
        return [
            line_of(plugin, step, applied=False)
            for step in reversed(steps[to:])
            if await self._step(plugin, step, up=False)
        ]

    async def require_none(self) -> None:
        """Raises ConfigError while a plugin has tables: without our record of them, nobody could undo them."""
        plugin = await self._raw.fetchval(_ANY) if await self._recorded() else None
        if plugin is not None:
            raise still_there(plugin)

    async def check(self) -> None:
        """Raises ConfigError unless every step was applied."""
        require_all(await self.status())

    async def _step(self, plugin: str, step: PluginMigration, *, up: bool) -> bool:
        """Apply or undo one step in a transaction, unless another process has just done so."""
        text = script(plugin, step, "postgresql", up=up)
        try:
            async with self._raw.transaction():
                await begin_step(self._raw)
                if (step.version in await self._applied(plugin)) == up:
                    return False
                ends = [word for word in first_words(text) if word in _ENDS]
                if ends:
                    raise ValidationFailed(f"it must not contain {ends[0]}")
                before = await self._objects()
                await self._raw.execute(text)
                check_names(plugin, step, touched(before, await self._objects()))
                if up:
                    await self._raw.execute(_RECORD, plugin, step.version, step.name)
                else:
                    await self._raw.execute(_FORGET, plugin, step.version)
                return True
        except (asyncpg.PostgresError, ChatError) as error:
            raise ConfigError(f"plugin {plugin}: step {step.version} ({step.name}) failed: {error}") from error

    async def _applied(self, plugin: str) -> dict[int, str]:
        rows = await self._raw.fetch(_APPLIED, plugin) if await self._recorded() else []
        return known_to(plugin, self.steps.get(plugin, ()), rows)

    async def _recorded(self) -> bool:
        """Whether our schema is one that records steps of plugins."""
        return bool(await self._raw.fetchval("SELECT to_regclass('plugin_migrations') IS NOT NULL"))

    async def _objects(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, state in await self._raw.fetch(_OBJECTS):
            found[name] = found.get(name, "") + state
        return found
