"""Many deadlines, one task: a connection costs no timer of its own, only a place in a bucket."""

import heapq
import logging
import math
from typing import Protocol

import trio

STEP = 0.1
"""Deadlines are kept to this many seconds, never early."""


log = logging.getLogger(__name__)


class Alarm(Protocol):
    """Something that wants to be woken."""

    def ring(self, now: float) -> None:
        """Its time has come. Must be quick."""
        ...


class Deadlines:
    """See the module; `run` must be running."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[Alarm]] = {}
        self._order: list[int] = []
        self._where: dict[Alarm, int] = {}
        self._news = trio.Event()

    def set(self, alarm: Alarm, when: float) -> None:
        """Ring at `when` (on `trio.current_time()`) instead of at any earlier wish; `inf`: never."""
        if when == math.inf:
            self.cancel(alarm)
            return
        step = math.ceil(when / STEP)
        if self._where.get(alarm) == step:
            return
        self.cancel(alarm)
        if step not in self._buckets:
            self._buckets[step] = set()
            heapq.heappush(self._order, step)
            if self._order[0] == step:
                self._news.set()
        self._buckets[step].add(alarm)
        self._where[alarm] = step

    def cancel(self, alarm: Alarm) -> None:
        """Never mind."""
        step = self._where.pop(alarm, None)
        if step is not None:
            self._buckets[step].discard(alarm)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ring, until cancelled."""
        task_status.started()
        while True:
            self._news = trio.Event()
            until = self._order[0] * STEP if self._order else math.inf
            with trio.move_on_at(until):
                await self._news.wait()
            self._ring(trio.current_time())

    def _ring(self, now: float) -> None:
        while self._order and self._order[0] * STEP <= now:
            for alarm in self._buckets.pop(heapq.heappop(self._order)):
                del self._where[alarm]
                try:
                    alarm.ring(now)
                except Exception:
                    log.exception("a deadline could not be kept; the others are")
