"""Counters of the rate limits."""

from datetime import datetime

from chat_storage_postgres.connection import Connection

_Counters = dict[str, tuple[int, datetime]]

_LOAD = "SELECT key, count, expires_at FROM rate_counters WHERE expires_at > $1"
# In the order of their keys: two nodes that save the same ones wait for each other, and never in a circle.
_ROWS = """
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS n (key, count, expires_at)
    ORDER BY key COLLATE "C"
"""
_SAVE = f"""
    INSERT INTO rate_counters (key, count, expires_at) {_ROWS}
    ON CONFLICT (key) DO UPDATE SET count = excluded.count, expires_at = excluded.expires_at
"""
_ADD = f"""
    INSERT INTO rate_counters AS r (key, count, expires_at) {_ROWS}
    ON CONFLICT (key) DO UPDATE SET
        count = excluded.count + CASE WHEN r.expires_at > $4 THEN r.count ELSE 0 END,
        expires_at = CASE WHEN r.expires_at > $4 THEN r.expires_at ELSE excluded.expires_at END
    RETURNING key, count, expires_at
"""


class Counters:
    def __init__(self, db: Connection, now: datetime) -> None:
        self._db = db
        self._now = now

    async def load(self, now: datetime) -> _Counters:
        return _loaded(await self._db.rows(_LOAD, now))

    async def save(self, counters: _Counters) -> None:
        await self._db.run(_SAVE, *_columns(counters))
        await self._drop_expired()

    async def add(self, counters: _Counters, now: datetime) -> _Counters:
        counted = _loaded(await self._db.rows(_ADD, *_columns(counters), now))
        await self._drop_expired()
        return counted

    async def _drop_expired(self) -> None:
        await self._db.run(
            "DELETE FROM rate_counters WHERE key IN "
            "(SELECT key FROM rate_counters WHERE expires_at <= $1 FOR UPDATE SKIP LOCKED)",
            self._now,
        )


def _columns(counters: _Counters) -> tuple[list[str], list[int], list[datetime]]:
    return list(counters), [count for count, _ in counters.values()], [ends for _, ends in counters.values()]


def _loaded(rows: object) -> _Counters:
    return {key: (count, ends) for key, count, ends in rows}  # type: ignore[attr-defined]  # rows of three columns
