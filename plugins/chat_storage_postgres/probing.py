"""Reading without a transaction, where one statement is all that is asked.

One statement sees one state by itself. BEGIN and COMMIT around it would triple the trips to the server; and most of
what is read, pages of history among it, is one statement. That cannot be known before, so it is tried, and remembered.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chat_storage_postgres.connection import Connection

T = TypeVar("T")


class NeedsSnapshot(BaseException):
    """A second statement: it might see another state than the first. No `except Exception` of a work may stop it."""


class Probe(Connection):
    """A connection on which one statement may be executed."""

    def __init__(self, raw: Any, slow_ms: float) -> None:
        super().__init__(raw, slow_ms)
        self.asked = 0

    async def _do(self, method: Callable[..., Awaitable[T]], sql: str, values: tuple[Any, ...]) -> T:
        self.asked += 1
        if self.asked > 1:
            raise NeedsSnapshot
        return await super()._do(method, sql, values)
