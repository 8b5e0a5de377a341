"""The readers: a few threads, each with a connection that cannot write."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

import trio
from outcome import Outcome, capture

from chat_storage_sqlite.batch import Act, drive
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.job import Job, JobQueue, finish, is_late
from chat_storage_sqlite.tx import Setting, SqliteTx
from chatcore.errors import Unavailable
from chatcore.ports import Post

log = logging.getLogger("chatcore.storage")


def read(db: Connection, setting: Setting, act: Act) -> Any:
    """Run a transaction that only reads."""
    assert not isinstance(act.what, Post)
    db.run("BEGIN")
    try:
        return drive(act.what, SqliteTx(db, setting, act.now_ms), setting.slow_ms)
    finally:
        db.rollback()


class Readers:
    def __init__(self, connections: Sequence[Connection], setting: Setting) -> None:
        self.queue: JobQueue[Act] = JobQueue()
        self._setting = setting
        self._token = trio.lowlevel.current_trio_token()
        self._threads = [
            threading.Thread(target=self._loop, args=(db,), name=f"chatcore-storage-reader-{n}", daemon=True)
            for n, db in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until everything in the closed queue is done."""
        for thread in self._threads:
            thread.join()

    def _loop(self, db: Connection) -> None:
        while (job := self.queue.take()) is not None:
            if self.queue.begin([job]):
                self._finish(job, capture(self._read, db, job))
        self.queue.close()  # the word for the next thread
        db.close()

    def _read(self, db: Connection, job: Job[Act]) -> Any:
        if is_late(job):
            raise Unavailable("The storage has too much to read. Try again in a moment.")
        return read(db, self._setting, job.act)

    def _finish(self, job: Job[Act], outcome: Outcome[Any]) -> None:
        try:
            self._token.run_sync_soon(finish, [job], [outcome])
        except trio.RunFinishedError:
            log.warning("the program ended before it got what it read")
