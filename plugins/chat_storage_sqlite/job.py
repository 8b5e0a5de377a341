"""An act on its way to the thread that does it, and its outcome on the way back."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Generic, TypeVar

import trio
from outcome import Outcome

from chatcore.errors import Unavailable

A = TypeVar("A")
R = TypeVar("R")

MAX_WAITING = 10_000
"""Acts in one queue; more are refused."""
PATIENCE = 4.0
"""Seconds that an act waits to begin; then it is refused."""


class Job(Generic[A]):
    """One act and the task that waits for it. Either it begins, or its caller withdraws it: a lock decides."""

    __slots__ = ("_lock", "_withdrawn", "act", "begun", "since", "task")

    def __init__(self, act: A, lock: threading.Lock) -> None:
        self.act = act
        self.task = trio.lowlevel.current_task()
        self.since = monotonic()
        self.begun = False
        self._lock = lock
        self._withdrawn = False

    def withdraw(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        """The caller is cancelled."""
        with self._lock:
            if self.begun:
                return trio.lowlevel.Abort.FAILED
            self._withdrawn = True
        return trio.lowlevel.Abort.SUCCEEDED

    def begin(self) -> bool:
        """With the lock held: from now on the outcome counts; False when the caller has gone."""
        self.begun = not self._withdrawn
        return self.begun


class JobQueue(Generic[A]):
    """Bounded; filled in the Trio thread, emptied by threads of the storage."""

    def __init__(self, is_stuck: Callable[[], bool] = lambda: False, max_waiting: int = MAX_WAITING) -> None:
        self._is_stuck = is_stuck
        self._queue: SimpleQueue[Job[A] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._max = max_waiting
        self._put = 0
        self._taken = 0
        self._closed = False

    def __len__(self) -> int:
        return self._put - self._taken

    async def submit(self, act: A) -> Any:
        """Have the act done by a thread, and wait for its outcome. Raises Unavailable, and what the act raises."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise Unavailable("The storage is closed.")
        if len(self) >= self._max or self._is_stuck():
            raise Unavailable("The storage has too much to do. Try again in a moment.")
        job = Job(act, self._lock)
        self._put += 1
        self._queue.put(job)
        return await trio.lowlevel.wait_task_rescheduled(job.withdraw)

    def take(self) -> Job[A] | None:
        """The next job, as soon as there is one; None when the queue was closed and is empty."""
        job = self._queue.get()
        self._count(job)
        return job

    def take_waiting(self, most: int) -> list[Job[A]]:
        """The jobs that are there already."""
        found: list[Job[A]] = []
        while len(found) < most:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            self._count(job)
            found.append(job)
        return found

    def begin(self, jobs: Sequence[Job[A]]) -> list[Job[A]]:
        """Those of the jobs that still have a caller: from now on these cannot be withdrawn."""
        with self._lock:
            return [job for job in jobs if job.begin()]

    def close(self) -> None:
        """Take no more; what is in the queue is still done."""
        self._closed = True
        self._queue.put(None)

    def _count(self, job: Job[A] | None) -> None:
        if job is not None:
            with self._lock:
                self._taken += 1


def finish(jobs: Sequence[Job[Any]], outcomes: Sequence[Outcome[Any]]) -> None:
    """Wake the callers; in the Trio thread."""
    for job, outcome in zip(jobs, outcomes, strict=True):
        trio.lowlevel.reschedule(job.task, outcome)


def is_late(job: Job[Any]) -> bool:
    """Whether the job has waited too long to begin."""
    return monotonic() - job.since > PATIENCE
