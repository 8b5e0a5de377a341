"""A connection in use by one transaction: statements in, rows out, errors in our words, slow statements in the log."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

import asyncpg

from chat_storage_postgres.faults import AGAIN, READ_ONLY, Lost, is_lost, translate

T = TypeVar("T")

log = logging.getLogger("chatcore.storage")


class Connection:
    """`raw` is asyncpg's connection, which prepares each statement once. Raises ChatError, Lost, and what says that the
    transaction has to be tried again or elsewhere (`faults.AGAIN`, `faults.READ_ONLY`).

    `writes` says whether rows that are read may be changed afterwards, so that they have to be locked.
    """

    writes = False

    def __init__(self, raw: Any, slow_ms: float) -> None:
        self.raw = raw
        self._slow = slow_ms / 1000

    async def run(self, sql: str, *values: Any) -> int:
        """Execute a statement; the number of rows that it changed."""
        status: str = await self._do(self.raw.execute, sql, values)
        return int(status.rpartition(" ")[2] or 0) if status[-1:].isdigit() else 0

    async def rows(self, sql: str, *values: Any) -> Sequence[Any]:
        """All rows."""
        found: Sequence[Any] = await self._do(self.raw.fetch, sql, values)
        return found

    async def row(self, sql: str, *values: Any) -> Sequence[Any] | None:
        """The first row."""
        found: Sequence[Any] | None = await self._do(self.raw.fetchrow, sql, values)
        return found

    async def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None without one."""
        found = await self.row(sql, *values)
        return None if found is None else found[0]

    async def lock_channel(self, channel_id: str) -> None:
        """Let nobody else change the channel's workspace until the end of a transaction that writes."""

    def made(self, workspace_id: str) -> None:
        """This transaction made the workspace: nobody else can see it, let alone change it."""

    def check_fresh(self, workspace_id: str, changed_by: int) -> None:
        """See `Transaction`: who only reads sees one state."""

    async def _do(self, method: Callable[..., Awaitable[T]], sql: str, values: tuple[Any, ...]) -> T:
        began = perf_counter()
        try:
            result = await method(sql, *values)
        except (*AGAIN, *READ_ONLY):
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            if is_lost(error):
                raise Lost(str(error)) from error
            known = translate(error)
            if known is None:
                raise
            raise known from error
        except UnicodeEncodeError as error:
            raise translate(error) or error from error
        took = perf_counter() - began
        if took > self._slow:
            log.warning("slow statement", extra={"duration_ms": round(took * 1000, 1), "sql": " ".join(sql.split())})
        return result
