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
from chatcore.errors import ChatError, Unavailable
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
        self._in_hand: list[Job[Act]] = []
        """Taken out of the queue, and not answered yet."""
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
            self._in_hand = [job]
            try:
                self._round()
            except Exception as error:
                # A fault of ours, or one of SQLite that is not in its book: whoever waits must not wait for ever.
                log.exception("the writer broke down, and goes on")
                self._give_up(error)

    def _round(self) -> None:
        if self._begin():
            self._busy_since = time.monotonic()
            jobs, self._in_hand = self._in_hand, []
            self._commit(jobs)
            self._busy_since = None

    def _begin(self) -> bool:
        """Begin a transaction for what is in hand, and what waits; False when the callers are gone, or were refused."""
        while True:
            try:
                self._db.run("BEGIN IMMEDIATE")
            except ChatError as error:
                self._in_hand += self.queue.take_waiting(MAX_BATCH)
                self._refuse_late(error)
                if not self._in_hand:
                    return False
                time.sleep(RETRY_SECONDS)
                continue
            self._in_hand += self.queue.take_waiting(MAX_BATCH - len(self._in_hand))
            self._in_hand = self.queue.begin(self._in_hand)
            if not self._in_hand:
                self._db.rollback()
            return bool(self._in_hand)

    def _refuse_late(self, error: ChatError) -> None:
        late: list[Job[Act]] = []
        early: list[Job[Act]] = []
        for (
            job
        ) in self._in_hand:  # looked at once: who is early now may be late in a moment, and must not be in neither
            (late if is_late(job) else early).append(job)
        self._in_hand = early
        refused = self.queue.begin(late)
        if refused:
            self.failure = error
            self._finish(refused, [Error(again(error)) for _ in refused], ())

    def _give_up(self, error: Exception) -> None:
        self.failure, self._busy_since = error, None
        self._roll_back()
        jobs, self._in_hand = self.queue.begin(self._in_hand), []
        self._finish(jobs, [Error(Unavailable("The storage broke down. Try again.")) for _ in jobs], ())

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
