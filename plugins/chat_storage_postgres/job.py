"""An act on its way to the loop that does it, and its outcome on the way back."""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Generic, TypeVar

import trio
from outcome import Outcome

A = TypeVar("A")

MAX_WAITING = 10_000
"""Acts that wait at the same time; more are refused."""
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


def finish(jobs: Sequence[Job[Any]], outcomes: Sequence[Outcome[Any]]) -> None:
    """Wake the callers; in the Trio thread."""
    for job, outcome in zip(jobs, outcomes, strict=True):
        trio.lowlevel.reschedule(job.task, outcome)


def is_late(job: Job[Any]) -> bool:
    """Whether the job has waited too long to begin."""
    return monotonic() - job.since > PATIENCE
