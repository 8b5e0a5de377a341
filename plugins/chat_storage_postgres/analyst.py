"""Statistics for a database that was empty a moment ago.

PostgreSQL plans a statement by what it knows of the tables, and keeps the plan. Its own look at new tables comes after
a minute, when a busy chat has 300,000 messages; a plan that was made for empty ones may read all of these for each new
one. So the tables are analysed once the first thousand messages are there, which makes every connection plan anew.
"""

import asyncio
import logging

import asyncpg

from chat_storage_postgres.connecting import UPKEEP, connect, goodbye
from chatcore.errors import ConfigError

ENOUGH = 1_000
"""Writes after which there is something to look at."""

_KNOWN = "SELECT reltuples >= $1 FROM pg_class WHERE oid = 'messages'::regclass"
_ANALYZE = "ANALYZE users, workspaces, channels, channel_members, messages, message_mentions, events"

log = logging.getLogger("chatcore.storage")


class Analyst:
    """Counts what is written; has the tables analysed once, unless they have been, by a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._left = ENOUGH
        self._task: asyncio.Task[None] | None = None

    def count(self, writes: int) -> None:
        """So many more were written."""
        self._left -= writes
        if self._left <= 0 and self._task is None:
            self._task = asyncio.create_task(self._analyse(), name="chatcore-storage-analyst")

    async def close(self) -> None:
        """Leave it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _analyse(self) -> None:
        try:
            raw = await connect(self._url, UPKEEP)
            try:
                if not await raw.fetchval(_KNOWN, ENOUGH // 2):
                    await raw.execute(_ANALYZE)
            finally:
                await goodbye(raw)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ConfigError, OSError, TimeoutError) as error:
            log.warning("the new tables could not be analysed; PostgreSQL will do so by itself: %s", error)
