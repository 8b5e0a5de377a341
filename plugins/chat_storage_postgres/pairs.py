"""Pairs of a key and a value: what plugins and bots keep."""

from chat_storage_postgres.connection import Connection
from chatcore.ports.plugin_data import MAX_PAIRS, after_prefix, check_pair

_GET = "SELECT value FROM pairs WHERE space = $1 AND key = $2"
# Two nodes that read a pair before they change it take turns, also when it is not there yet.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1 || E'\\n' || $2, 0))"
_PUT = """
    INSERT INTO pairs (space, key, value) VALUES ($1, $2, $3)
    ON CONFLICT (space, key) DO UPDATE SET value = excluded.value
"""
_SCAN = """
    SELECT key, value FROM pairs
    WHERE space = $1 AND key >= $2 AND key > $3 AND ($4::text IS NULL OR key < $4) ORDER BY key LIMIT $5
"""


class Pairs:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, space: str, key: str) -> bytes | None:
        check_pair(space, key)
        if self._db.writes:
            await self._db.value(_LOCK, space, key)
        found: bytes | None = await self._db.value(_GET, space, key)
        return found

    async def put(self, space: str, key: str, value: bytes) -> None:
        check_pair(space, key, value)
        await self._db.run(_PUT, space, key, value)

    async def delete(self, space: str, key: str) -> bool:
        check_pair(space, key)
        return await self._db.run("DELETE FROM pairs WHERE space = $1 AND key = $2", space, key) > 0

    async def scan(
        self, space: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        check_pair(space, prefix or "-")
        low, high = "" if after is None else after, after_prefix(prefix)
        rows = await self._db.rows(_SCAN, space, prefix, low, high, max(0, min(limit, MAX_PAIRS)))
        return [(key, value) for key, value in rows]

    async def usage(self, space: str) -> tuple[int, int]:
        sql = "SELECT count(*), coalesce(sum(octet_length(value)), 0)::bigint FROM pairs WHERE space = $1"
        found = await self._db.row(sql, space)
        assert found is not None
        return found[0], found[1]

    async def clear(self, space: str) -> int:
        return await self._db.run("DELETE FROM pairs WHERE space = $1", space)
