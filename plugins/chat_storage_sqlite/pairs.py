"""Pairs of a key and a value: what plugins and bots keep."""

from chat_storage_sqlite.connection import Connection
from chatcore.ports.plugin_data import MAX_PAIRS, after_prefix, check_pair

_PUT = """
    INSERT INTO pairs (space, key, value) VALUES (?, ?, ?)
    ON CONFLICT (space, key) DO UPDATE SET value = excluded.value
"""
_SCAN = """
    SELECT json_group_array(json_array(key, hex(value))) FROM (
        SELECT key, value FROM pairs
        WHERE space = ?1 AND key >= ?2 AND key > ?3 AND (?4 IS NULL OR key < ?4) ORDER BY key LIMIT ?5
    )
"""


class Pairs:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, space: str, key: str) -> bytes | None:
        check_pair(space, key)
        found: bytes | None = self._db.value("SELECT value FROM pairs WHERE space = ? AND key = ?", space, key)
        return found

    async def put(self, space: str, key: str, value: bytes) -> None:
        check_pair(space, key, value)
        self._db.run(_PUT, space, key, value)

    async def delete(self, space: str, key: str) -> bool:
        check_pair(space, key)
        return self._db.run("DELETE FROM pairs WHERE space = ? AND key = ?", space, key) > 0

    async def scan(
        self, space: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        check_pair(space, prefix or "-")
        found = self._db.json(
            _SCAN, space, prefix, "" if after is None else after, after_prefix(prefix), max(0, min(limit, MAX_PAIRS))
        )
        return [(key, bytes.fromhex(value)) for key, value in found]

    async def usage(self, space: str) -> tuple[int, int]:
        found = self._db.row("SELECT count(*), coalesce(sum(length(value)), 0) FROM pairs WHERE space = ?", space)
        assert found is not None
        return found[0], found[1]

    async def clear(self, space: str) -> int:
        return self._db.run("DELETE FROM pairs WHERE space = ?", space)
