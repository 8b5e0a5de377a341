"""Moving out: the rows of a database, table by table (`chatcore.ports.moving.Source`)."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from chat_storage_postgres.moving import PostgresRows, reaching
from chat_storage_postgres.reads import EVERYONE
from chatcore.errors import ConfigError
from chatcore.ports import ProviderContext, moving
from chatcore.ports.moving import Values, in_order

_TABLES = """
    SELECT t.relname::text, o.relname::text FROM pg_class t
    LEFT JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' LEFT JOIN pg_class o ON o.oid = c.confrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' ORDER BY t.relname
"""
_COLUMNS = """
    SELECT column_name::text FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
_KEYS = """
    SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisprimary ORDER BY k.place
"""
_HERE_ONLY = {"messages": {"search"}}
"""What is made of other columns, and means nothing elsewhere."""
_ORDER = {"messages": "workspace_id, seq"}
"""Others by their keys; an answer must come after what it answers."""


@asynccontextmanager
async def open_snapshot(context: ProviderContext) -> AsyncIterator["PostgresSource"]:
    """The database that `config.database_url` names, as it is now; others may go on. Raises ConfigError."""
    async with reaching(context.config.database_url, "chatcore-export") as (bridge, raw):
        await bridge.run(raw.execute, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        source = PostgresSource(bridge, raw)
        await source.begin()
        yield source


class PostgresSource(PostgresRows):
    """One transaction that sees one state."""

    epoch = ""

    async def begin(self) -> None:
        """Raises ConfigError for a database that is only half filled."""
        known = dict(await self._run(self._raw.fetch, "SELECT key, value FROM meta"))
        if "copying" in known:
            raise ConfigError("The database is not whole yet: what was moving into it was interrupted.")
        self.epoch = known.get("epoch", "")

    async def tables(self) -> Sequence[str]:
        return in_order(await self._run(self._raw.fetch, _TABLES))

    async def columns(self, table: str) -> Sequence[str]:
        names = [name for (name,) in await self._run(self._raw.fetch, _COLUMNS, table)]
        return [name for name in names if name not in _HERE_ONLY.get(table, ())]

    async def batches(self, table: str, *, skip: int) -> AsyncGenerator[Sequence[Values], None]:
        columns = await self.columns(table)
        keys = [f'"{name}"' for (name,) in await self._run(self._raw.fetch, _KEYS, table)]
        order = _ORDER.get(table) or ", ".join(keys) or "ctid"
        everyone = columns.index("user_id") if table == "message_mentions" else None
        async with aclosing(self._read(table, columns, f"ORDER BY {order} OFFSET {skip}")) as batches:
            async for rows in batches:
                yield rows if everyone is None else [_named(row, everyone) for row in rows]


def _named(row: Values, index: int) -> Values:
    """A mention with the name that everybody has for everyone."""
    return row if row[index] != EVERYONE else (*row[:index], moving.EVERYONE, *row[index + 1 :])
