"""The lanes of a database in a file: one writer thread, a few reader threads."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trio

from chat_storage_sqlite.backup import copy_file
from chat_storage_sqlite.batch import Act
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.readers import Readers
from chat_storage_sqlite.tx import Setting
from chat_storage_sqlite.writer import Writer
from chatcore.ports import Envelope


class Threaded:
    def __init__(
        self,
        db: Connection,
        readers: Sequence[Connection],
        path: Path,
        setting: Setting,
        deliver: Callable[[Sequence[Envelope]], None],
    ) -> None:
        self._path = path
        self._limiter = trio.CapacityLimiter(1)
        self._writer = Writer(db, setting, deliver)
        self._readers = Readers(readers, setting)

    async def write(self, act: Act) -> Any:
        return await self._writer.queue.submit(act)

    async def read(self, act: Act) -> Any:
        return await self._readers.queue.submit(act)

    async def copy(self, target: Path) -> None:
        await trio.to_thread.run_sync(copy_file, self._path, target, limiter=self._limiter)

    def facts(self) -> dict[str, Any]:
        return {
            "failed": self._writer.failure is not None,
            "stuck": self._writer.is_stuck(),
            "waiting_writes": len(self._writer.queue),
            "waiting_reads": len(self._readers.queue),
        }

    async def close(self) -> None:
        """Do what is in the queues, end the threads, close the file. Not to be interrupted: threads own the file."""
        self._readers.queue.close()
        self._writer.queue.close()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._join, limiter=self._limiter)

    def _join(self) -> None:
        # The writer last: whoever closes last folds the write-ahead log into the database.
        self._readers.join()
        self._writer.join()
