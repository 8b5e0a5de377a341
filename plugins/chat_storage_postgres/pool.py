"""Connections for reading: as many as the configuration allows, made when they are needed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chat_storage_postgres.connecting import Purpose, connect, goodbye, patiently
from chatcore.errors import Unavailable


class Pool:
    """The connection that was used last is used next: its statements are prepared, its caches are warm."""

    def __init__(self, url: str, purpose: Purpose, size: int) -> None:
        self._url = url
        self._purpose = purpose
        self._idle: list[Any] = []
        self._places = asyncio.Semaphore(size)
        self._size = size
        self._closed = False

    @asynccontextmanager
    async def take(self, seconds: float) -> AsyncIterator[Any]:
        """A connection. One whose use ended with an exception is not used again.

        Raises Unavailable when there is none in so many seconds.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("The storage has too much to read. Try again in a moment.") from None
        raw = None
        try:
            raw = self._warm() or await patiently(self._connect, deadline - loop.time())
            yield raw
        except BaseException:
            if raw is not None:
                raw.terminate()
            raise
        else:
            self._idle.append(raw)
        finally:
            self._places.release()

    def drop_idle(self) -> None:
        """The server went away, and these with it."""
        idle, self._idle = self._idle, []
        for raw in idle:
            raw.terminate()

    async def close(self, seconds: float) -> None:
        """Close every connection; those in use when they come back, for which this waits so long."""
        try:
            async with asyncio.timeout(seconds):
                for _ in range(self._size):
                    await self._places.acquire()
        except TimeoutError:
            pass  # the loop is about to be closed, and cancels whoever still reads
        idle, self._idle = self._idle, []
        for raw in idle:
            await goodbye(raw)

    def _warm(self) -> Any:
        while self._idle:
            raw = self._idle.pop()
            if not raw.is_closed():
                return raw
        return None

    async def _connect(self) -> Any:
        return await connect(self._url, self._purpose)
