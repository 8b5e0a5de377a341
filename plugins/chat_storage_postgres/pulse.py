"""Whether a server that has not answered for a while is at work, or hangs.

A statement may take its time: a large deletion, a lock that another node holds. A server that hangs (its disk, its
machine) takes connections and says nothing, and what lies between may lose one connection without a word. Waiting as
long as the longest statement may take would hold everybody for half a minute. So when something takes long, the server
is asked by a connection of its own whether it is there, and whether it is still at it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import attrs

from chat_storage_postgres.connecting import CONNECT_SECONDS, READING, Purpose, connect
from chat_storage_postgres.faults import is_lost
from chatcore.errors import ConfigError

QUIET_SECONDS = 2.0
"""What takes longer is asked about."""
_PAUSE = 1.0
"""Seconds between two questions."""

# Behind a pooler the numbers of connections are not those of the server's processes: then they tell nothing.
_STATES = """
    SELECT p.pid, coalesce(a.state NOT LIKE 'idle%', false)
    FROM unnest($1::int[]) AS p (pid) LEFT JOIN pg_stat_activity a ON a.pid = p.pid WHERE pg_backend_pid() = $2
"""

log = logging.getLogger("chatcore.storage")


@attrs.define(eq=False)
class _Late:
    """Something that takes long on the connection of this number. `idle`: nothing was done there when it was asked."""

    pid: int
    idle: bool = False


class Pulse:
    """Of the server at one URL; shared by everybody who waits for it."""

    def __init__(self, url: str, purpose: Purpose = READING) -> None:
        self._url = url
        self._purpose = purpose
        self._late: dict[asyncio.Timeout, _Late] = {}
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watch(self, raw: Any, longest: float) -> AsyncIterator[None]:
        """What is done inside on a connection may take `longest` seconds, as long as the server is at it.

        Raises TimeoutError when it took longer, and soon when the server hangs.
        """
        async with asyncio.timeout(longest) as limit:
            notice = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._notice, limit, raw)
            try:
                yield
            finally:
                notice.cancel()
                self._late.pop(limit, None)

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _notice(self, limit: asyncio.Timeout, raw: Any) -> None:
        self._late[limit] = _Late(raw.get_server_pid())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="chatcore-storage-pulse")

    async def _look(self) -> None:
        while self._late:
            asked = dict(self._late)
            at_work = await self._ask([late.pid for late in asked.values()])
            for limit, late in asked.items():
                if limit in self._late and _is_hopeless(late, at_work):
                    log.warning("the database has not answered for %g s: it is given up", QUIET_SECONDS)
                    del self._late[limit]
                    limit.reschedule(asyncio.get_running_loop().time())
            await asyncio.sleep(_PAUSE)

    async def _ask(self, pids: list[int]) -> Mapping[int, bool] | None:
        """Which of these connections the server is doing something for, as far as it tells; None if it hangs."""
        try:
            raw = await connect(self._url, self._purpose)
        except (ConfigError, asyncpg.TooManyConnectionsError):
            return {}  # that was an answer, too
        except Exception as error:
            if not is_lost(error):
                raise
            return None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return dict(await raw.fetch(_STATES, pids, raw.get_server_pid()))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return None
        finally:
            raw.terminate()


def _is_hopeless(late: _Late, at_work: Mapping[int, bool] | None) -> bool:
    """Not before it was found idle twice: the first time the answer may just have been on its way."""
    if at_work is None:
        return True
    before, late.idle = late.idle, not at_work.get(late.pid, True)
    return before and late.idle
