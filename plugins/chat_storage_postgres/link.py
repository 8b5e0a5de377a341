"""The writer's one connection: made when it is needed, thrown away when it breaks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from chat_storage_postgres.connecting import CONNECT_SECONDS, WRITING, connect, goodbye, patiently

log = logging.getLogger("chatcore.storage")

Greet = Callable[[Any], Awaitable[None]]


class Link:
    """`greet` is awaited with every new connection before it is used."""

    def __init__(self, url: str, greet: Greet) -> None:
        self._url = url
        self._greet = greet
        self._raw: Any = None

    @property
    def up(self) -> bool:
        return self._raw is not None and not self._raw.is_closed()

    async def get(self, seconds: float) -> Any:
        """The connection; a new one if need be. Raises Unavailable when there is none in so many seconds."""
        if not self.up:
            self._raw = await patiently(self._connect, seconds)
        return self._raw

    def drop(self, why: BaseException) -> None:
        """It is of no use any more."""
        if self._raw is not None:
            log.warning("a connection to the database was dropped: %s", why)
            self._raw.terminate()
            self._raw = None

    async def close(self) -> None:
        """Say goodbye."""
        raw, self._raw = self._raw, None
        if raw is not None:
            await goodbye(raw)

    async def _connect(self) -> Any:
        raw = await connect(self._url, WRITING)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._greet(raw)
        except BaseException:
            raw.terminate()
            raise
        return raw
