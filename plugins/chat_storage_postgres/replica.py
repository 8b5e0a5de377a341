"""Pages of messages, read from a copy of the database that follows it a little behind.

What somebody was told is done, here or on another node, must be in what they read next. So the primary is asked first
where the workspace's log stands, which is one look into an index; and the copy answers when it has come as far. When
it has not, or is away, the primary answers.
"""

import asyncio
import logging
from time import monotonic
from typing import Any

from chat_storage_postgres.batch import Act, Work
from chat_storage_postgres.columns import known_id
from chat_storage_postgres.connecting import COPYING, READ_SECONDS
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.faults import AGAIN, Lost
from chat_storage_postgres.pool import Pool
from chat_storage_postgres.pulse import Pulse
from chat_storage_postgres.readers import Readers
from chat_storage_postgres.tx import Setting
from chatcore.errors import ChatError, Unavailable
from chatcore.ids import WorkspaceId
from chatcore.ports import Tx

FIRST_SECONDS = 0.5
"""How long a copy may take to say how far it has come, connecting included; the primary would answer by then."""
AWAY_SECONDS = 5.0
"""How long one that failed is left alone."""

_WHERE = """
    SELECT (SELECT value FROM meta WHERE key = 'epoch'),
        coalesce((SELECT seq FROM workspaces WHERE id = $1), 0)
"""

log = logging.getLogger("chatcore.storage")


class Replica:
    """`answered` reads were answered by the copy; `late` ones by the primary, because the copy had not come as far."""

    def __init__(self, url: str, size: int, setting: Setting, primary: Readers) -> None:
        self.away = False
        self.answered = self.late = 0
        self._pool = Pool(url, COPYING, size)
        self._pulse = Pulse(url, COPYING)
        self._setting = setting
        self._primary = primary
        self._left_alone_until = 0.0

    async def read(self, act: Act, since: float, workspace_id: WorkspaceId) -> Any:
        """As `Readers.read`, for what is about one workspace."""
        if monotonic() >= self._left_alone_until:
            newest = await self._primary.read(Act(_newest(workspace_id), act.now), since)
            try:
                answer = await self._ask(act, workspace_id, newest)
            except (Lost, TimeoutError, ChatError) as error:
                self._failed(error)
                since = monotonic()
            else:
                self._works()
                if answer is not None:
                    self.answered += 1
                    result, problem = answer
                    if problem is not None:
                        raise problem
                    return result
                self.late += 1
        return await self._primary.read(act, since)

    def facts(self) -> dict[str, Any]:
        """For the health of the storage, which does not depend on a copy."""
        return {"away": self.away, "answered": self.answered, "late": self.late}

    async def close(self, seconds: float) -> None:
        """Close every connection."""
        await self._pool.close(seconds)
        await self._pulse.close()

    async def _ask(self, act: Act, workspace_id: WorkspaceId, newest: int) -> tuple[Any, Exception | None] | None:
        """What the work returned, or raised; None when this copy is not there yet, or throws the reader out."""
        try:
            return await self._attempt(act, workspace_id, newest)
        except AGAIN:
            return None  # what is replayed removes what was read: readers of a copy have to expect that

    async def _attempt(self, act: Act, workspace_id: WorkspaceId, newest: int) -> tuple[Any, Exception | None] | None:
        async with self._pool.take(FIRST_SECONDS) as raw:
            async with asyncio.timeout(FIRST_SECONDS):
                found = await Connection(raw, self._setting.slow_ms).row(_WHERE, known_id(workspace_id))
            epoch, seq = found or (None, 0)
            if epoch != self._setting.epoch:
                raise Unavailable("it is a copy of another database, or of another time")
            if seq < newest:
                return None
            # What follows on this connection sees at least as much: a copy does not go back.
            async with self._pulse.watch(raw, READ_SECONDS + 2):
                return await self._primary.attempt(raw, act)

    def _works(self) -> None:
        if self.away:
            log.info("the copy of the database is back")
        self.away = False

    def _failed(self, error: BaseException) -> None:
        if not self.away:
            log.warning("the copy of the database cannot be used, the primary answers: %s", error or "no answer")
        self.away = True
        self._left_alone_until = monotonic() + AWAY_SECONDS
        self._pool.drop_idle()


def _newest(workspace_id: WorkspaceId) -> Work:
    async def work(tx: Tx) -> int:
        return (await tx.events.positions([workspace_id])).get(workspace_id, 0)

    return work
