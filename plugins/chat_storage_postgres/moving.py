"""Moving in: rows from elsewhere, table by table (`chatcore.ports.moving.Target`)."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import orjson

from chat_storage_postgres.connecting import check_url
from chat_storage_postgres.epoch import keep_epoch
from chat_storage_postgres.migrator import Migrator
from chat_storage_postgres.opening import reach
from chat_storage_postgres.plugin_migrator import PluginMigrator
from chat_storage_postgres.reads import EVERYONE
from chat_storage_postgres.words import to_vector
from chatcore.bridge import Bridge, open_bridge
from chatcore.errors import ConfigError
from chatcore.ports import ProviderContext, moving
from chatcore.ports.moving import Values

T = TypeVar("T")

BATCH = 2000
_TYPES = """
    SELECT column_name::text, CASE WHEN data_type = 'USER-DEFINED' THEN udt_name ELSE data_type END
    FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1
"""
_MARK = "INSERT INTO meta (key, value) VALUES ('copying', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_COUNTED = """
    SELECT table_name::text, column_name::text FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
        AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
"""
"""The columns that number rows by themselves."""
_GO_ON = """
    SELECT setval(pg_get_serial_sequence('"{0}"', '{1}'), coalesce(max("{1}"), 1), max("{1}") IS NOT NULL) FROM "{0}"
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_TIME = "timestamp with time zone"


@asynccontextmanager
async def open_target(context: ProviderContext) -> AsyncIterator["PostgresTarget"]:
    """The database that `config.database_url` names, which has the schema. Raises ConfigError."""
    async with reaching(context.config.database_url, "chatcore-copy") as (bridge, raw):
        await bridge.run(PluginMigrator(raw, context.plugin_tables).check)
        yield PostgresTarget(bridge, raw)


@asynccontextmanager
async def reaching(url: str, name: str) -> AsyncIterator[tuple[Bridge, Any]]:
    """A connection to a database that has the schema, on a loop of this name. Raises ConfigError."""
    check_url(url)
    async with open_bridge(name) as bridge:
        raw = await bridge.run(reach, url)
        try:
            await bridge.run(Migrator(raw).check)
            yield bridge, raw
        finally:
            raw.terminate()


class PostgresRows:
    """The rows of tables as plain values."""

    def __init__(self, bridge: Bridge, raw: Any) -> None:
        self._bridge = bridge
        self._raw = raw
        self._types: dict[str, dict[str, str]] = {}

    async def count(self, table: str) -> int:
        return int(await self._run(self._raw.fetchval, f'SELECT count(*) FROM "{table}"'))

    async def _read(self, table: str, columns: Sequence[str], rest: str = "") -> AsyncGenerator[Sequence[Values], None]:
        """In a transaction. `rest` comes after the statement's FROM."""
        kinds = await self._kinds(table, columns)
        listed = ", ".join(_selected(name, kind) for name, kind in zip(columns, kinds, strict=True))
        cursor = await self._run(self._raw.cursor, f'SELECT {listed} FROM "{table}" {rest}')
        while rows := await self._run(cursor.fetch, BATCH):
            yield [_neutral(row, kinds) for row in rows]

    async def _kinds(self, table: str, columns: Sequence[str]) -> list[str]:
        """The types of these columns. Raises ConfigError for one that the target does not have."""
        if table not in self._types:
            self._types[table] = dict(await self._run(self._raw.fetch, _TYPES, table))
        missing = [name for name in columns if name not in self._types[table]]
        if missing:
            raise ConfigError(
                f"The target has no {table}.{missing[0]}: install the same plugins for both, and migrate."
            )
        return [self._types[table][name] for name in columns]

    async def _run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        return await self._bridge.run(work, *args)


class PostgresTarget(PostgresRows):
    """See `chatcore.ports.moving.Target`."""

    async def begin(self, epoch: str) -> None:
        async def work() -> None:
            copying = await self._raw.fetchval("SELECT value FROM meta WHERE key = 'copying'")
            if copying == epoch:
                return
            if copying is not None or await self._raw.fetchval("SELECT EXISTS (SELECT 1 FROM users)"):
                raise ConfigError("The target holds something else already: name an empty database, and migrate it.")
            async with self._raw.transaction():
                await self._raw.execute("DELETE FROM emoji_presets")  # the source has its own
                await self._raw.execute(_MARK, epoch)

        await self._run(work)

    async def normalised(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> Sequence[Values]:
        kinds = await self._kinds(table, columns)
        change = [(index, _NORMALISE[kind]) for index, kind in enumerate(kinds) if kind in _NORMALISE]
        everyone = columns.index("user_id") if table == "message_mentions" else None
        changed = []
        for row in rows:
            values = list(row)
            for index, function in change:
                if values[index] is not None:
                    values[index] = function(values[index])
            if everyone is not None and values[everyone] == moving.EVERYONE:
                values[everyone] = EVERYONE
            changed.append(tuple(values))
        return changed

    async def write(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        kinds = await self._kinds(table, columns)
        names, values = list(columns), [_stored(row, kinds) for row in rows]
        if table == "messages":
            names.append("search")
            places = [columns.index(name) for name in ("content", "channel_id", "user_id")]
            values = [(*stored, _vector(*(row[n] for n in places))) for row, stored in zip(rows, values, strict=True)]
        listed = ", ".join(f'"{name}"' for name in names)
        types = [*kinds, "tsvector"][: len(names)]
        slots = ", ".join(_slot(number, kind) for number, kind in enumerate(types, 1))
        sql = f'INSERT INTO "{table}" ({listed}) OVERRIDING SYSTEM VALUE VALUES ({slots})'

        async def work() -> None:
            async with self._raw.transaction():
                await self._raw.executemany(sql, values)

        try:
            await self._run(work)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ConfigError(f"A row of {table} cannot be stored in PostgreSQL: {error}") from error

    async def batches(self, table: str, columns: Sequence[str]) -> AsyncGenerator[Sequence[Values], None]:
        await self._run(self._raw.execute, "BEGIN")
        try:
            async with aclosing(self._read(table, columns)) as batches:
                async for rows in batches:
                    yield rows
        finally:
            await self._run(self._raw.execute, "ROLLBACK")

    async def finish(self, epoch: str) -> None:
        async def work() -> None:
            async with self._raw.transaction():
                for table, column in await self._raw.fetch(_COUNTED):
                    await self._raw.execute(_GO_ON.format(table, column))
                await keep_epoch(self._raw, epoch)
                await self._raw.execute("DELETE FROM meta WHERE key = 'copying'")
            await self._raw.execute("ANALYZE")

        await self._run(work)


_NORMALISE: dict[str, Callable[[Any], Any]] = {
    "jsonb": lambda text: orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode(),
    "boolean": lambda value: int(bool(value)),
    "double precision": float,
}


def _stored(row: Values, kinds: Sequence[str]) -> Values:
    return tuple(
        value
        if value is None or kind not in (_TIME, "boolean")
        else _EPOCH + value * _MS
        if kind == _TIME
        else bool(value)
        for value, kind in zip(row, kinds, strict=True)
    )


def _neutral(row: Any, kinds: Sequence[str]) -> Values:
    return tuple(
        value if value is None else (value - _EPOCH) // _MS if kind == _TIME else _NORMALISE.get(kind, _same)(value)
        for value, kind in zip(row, kinds, strict=True)
    )


def _same(value: Any) -> Any:
    return value


def _selected(name: str, kind: str) -> str:
    return f'"{name}"::text' if kind in _AS_TEXT else f'"{name}"'


def _slot(number: int, kind: str) -> str:
    return f"${number}::text::{kind}" if kind in _AS_TEXT else f"${number}"


_AS_TEXT = {
    "tsvector",
    "member_role",
    "channel_type",
    "huddle_status",
    "huddle_mode",
    "huddle_topology",
    "presence_status",
}


def _vector(content: str, channel_id: str, author_id: str) -> str:
    return to_vector(content, channel_id=channel_id, author_id=author_id)
