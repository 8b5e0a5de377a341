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
_ADD = """
    INSERT INTO rate_counters (key, count, expires_at)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (key) DO UPDATE SET
        count = excluded.count + iif(rate_counters.expires_at > ?2, rate_counters.count, 0),
        expires_at = iif(rate_counters.expires_at > ?2, rate_counters.expires_at, excluded.expires_at)
"""
_COUNTS = """
    SELECT json_group_array(json_array(key, count, expires_at)) FROM rate_counters
    WHERE key IN (SELECT value FROM json_each(?))
"""


class Counters:
    def __init__(self, db: Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms

    async def load(self, now: datetime) -> dict[str, tuple[int, datetime]]:
        return {key: (count, from_ms(ms)) for key, count, ms in self._db.json(_LOAD, to_ms(now))}

    async def save(self, counters: dict[str, tuple[int, datetime]]) -> None:
        self._db.run(_SAVE, _rows(counters))
        self._drop_expired()

    async def add(self, counters: dict[str, tuple[int, datetime]], now: datetime) -> dict[str, tuple[int, datetime]]:
        self._db.run(_ADD, _rows(counters), to_ms(now))
        found = self._db.json(_COUNTS, orjson.dumps(list(counters)).decode())
        self._drop_expired()
        return {key: (count, from_ms(ms)) for key, count, ms in found}

    def _drop_expired(self) -> None:
        self._db.run("DELETE FROM rate_counters WHERE expires_at <= ?", self._now_ms)


def _rows(counters: dict[str, tuple[int, datetime]]) -> str:
    return orjson.dumps([[key, count, to_ms(ends)] for key, (count, ends) in counters.items()]).decode()
