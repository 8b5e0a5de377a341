"""Counters of the rate limits."""

from datetime import datetime

import orjson

from chat_storage_sqlite.columns import from_ms, to_ms
from chat_storage_sqlite.connection import Connection

_LOAD = """
    SELECT json_group_array(json_array(key, count, expires_at)) FROM rate_counters WHERE expires_at > ?
"""
_SAVE = """
    INSERT INTO rate_counters (key, count, expires_at)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
    ON CONFLICT (key) DO UPDATE SET count = excluded.count, expires_at = excluded.expires_at
"""


class Counters:
    def __init__(self, db: Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms

    async def load(self, now: datetime) -> dict[str, tuple[int, datetime]]:
        return {key: (count, from_ms(ms)) for key, count, ms in self._db.json(_LOAD, to_ms(now))}

    async def save(self, counters: dict[str, tuple[int, datetime]]) -> None:
        rows = [[key, count, to_ms(expires_at)] for key, (count, expires_at) in counters.items()]
        self._db.run(_SAVE, orjson.dumps(rows).decode())
        self._db.run("DELETE FROM rate_counters WHERE expires_at <= ?", self._now_ms)
