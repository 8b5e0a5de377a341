"""The writer: one thread, one connection, a transaction for whatever has gathered while the last one was committed."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import trio
from outcome import Error, Outcome

from chat_storage_sqlite.batch import Act, Batch
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.faults import again
from chat_storage_sqlite.job import PATIENCE, Job, JobQueue, finish, is_late
from chat_storage_sqlite.tx import Setting
from chatcore.errors import ChatError
from chatcore.ports import Envelope

MAX_BATCH = 500
"""Acts in one transaction."""
RETRY_SECONDS = 0.02
"""Between two attempts to begin, on top of SQLite's own waiting."""

Deliver = Callable[[Sequence[Envelope]], None]

log = logging.getLogger("chatcore.storage")


class Writer:
    """`deliver` is called in the Trio thread after each commit, before the callers resume."""

    def __init__(self, db: Connection, setting: Setting, deliver: Deliver) -> None:
        self.queue: JobQueue[Act] = JobQueue(self.is_stuck)
        self.failure: BaseException | None = None
        self._busy_since: float | None = None
        self._db = db
        self._setting = setting
        self._deliver = deliver
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.Thread(target=self._loop, name="chatcore-storage-writer", daemon=True)
        self._thread.start()

    def is_stuck(self) -> bool:
        """Whether the transaction that is under way has taken far too long: a disk that does not answer."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > PATIENCE

    def join(self) -> None:
        """Wait until everything in the closed queue is done; then close the connection."""
        self._thread.join()
        self._db.close()

    def _loop(self) -> None:
        while (job := self.queue.take()) is not None:
            waiting = self._begin([job])
            if waiting:
                self._busy_since = time.monotonic()
                self._commit(waiting)
                self._busy_since = None

    def _begin(self, waiting: list[Job[Act]]) -> list[Job[Act]]:
        """Begin a transaction; the jobs to be done in it, none when their callers are gone or had to be refused."""
        while True:
            try:
                self._db.run("BEGIN IMMEDIATE")
            except ChatError as error:
                waiting = self._refuse_late(waiting + self.queue.take_waiting(MAX_BATCH), error)
                if not waiting:
                    return []
                time.sleep(RETRY_SECONDS)
                continue
            begun = self.queue.begin(waiting + self.queue.take_waiting(MAX_BATCH - len(waiting)))
            if not begun:
                self._db.rollback()
            return begun

    def _refuse_late(self, waiting: list[Job[Act]], error: ChatError) -> list[Job[Act]]:
        late = self.queue.begin([job for job in waiting if is_late(job)])
        if late:
            self.failure = error
            self._finish(late, [Error(again(error)) for _ in late], ())
        return [job for job in waiting if not is_late(job)]

    def _commit(self, jobs: list[Job[Act]]) -> None:
        batch = Batch(self._db, self._setting)
        try:
            batch.perform([job.act for job in jobs])
            self._db.run("COMMIT")
        except BaseException as error:  # handed to every caller: nothing of this transaction has happened
            self._roll_back()
            self.failure = error
            self._finish(jobs, [Error(again(error)) for _ in jobs], ())
        else:
            self.failure = None
            self._finish(jobs, batch.outcomes, batch.committed())

    def _roll_back(self) -> None:
        try:
            self._db.rollback()
        except Exception:
            log.exception("a failed transaction could not be rolled back")

    def _finish(self, jobs: list[Job[Act]], outcomes: list[Outcome[Any]], envelopes: Sequence[Envelope]) -> None:
        try:
            self._token.run_sync_soon(self._finish_in_trio, jobs, outcomes, envelopes)
        except trio.RunFinishedError:
            log.warning("the program ended before it learned of a commit")

    def _finish_in_trio(
        self, jobs: list[Job[Act]], outcomes: list[Outcome[Any]], envelopes: Sequence[Envelope]
    ) -> None:
        if envelopes:
            self._deliver(envelopes)
        finish(jobs, outcomes)
