"""Tasks that run behind something that is open: owned, supervised, and gone when it closes."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
"""Seconds before a crashed task is started again: doubled with each crash in a row."""
STEADY_SECONDS = 60.0
"""A task that ran for so long is well again: the delay starts over."""

log = logging.getLogger("chatcore.background")

Task = Callable[[], Awaitable[None]]
StartedTask = Callable[..., Awaitable[None]]
"""Takes `task_status`, as for `trio.Nursery.start`."""


class Background:
    """Keeps tasks running. A crash is logged, the task starts again after a growing delay, and `health` shows it
    meanwhile.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._down: dict[str, str] = {}
        self._crashes: dict[str, int] = {}

    def keep(self, name: str, task: Task) -> None:
        """Run `task`, which is meant never to end, until the surrounding context closes.

        `name` says in logs and health which.
        """
        self._crashes[name] = 0
        self._nursery.start_soon(self._keep, name, task, name=name)

    async def start(self, name: str, task: StartedTask) -> None:
        """As `keep`, once the task has said that it has started. What it raises before that is raised here."""
        started = trio.Event()
        first: list[Exception] = []

        class Status:
            def started(self, value: None = None) -> None:
                started.set()

        async def run() -> None:
            if started.is_set():
                return await task()
            try:
                await task(task_status=Status())
            except Exception as error:
                if started.is_set():
                    raise
                first.append(error)
                started.set()
                await trio.sleep_forever()

        self.keep(name, run)
        await started.wait()
        if first:
            raise first[0]

    def health(self) -> dict[str, Any]:
        """`ok` is False while a task is down; `crashes` counts them by name."""
        return {"ok": not self._down, "down": dict(self._down), "crashes": dict(self._crashes)}

    async def _keep(self, name: str, task: Task) -> None:
        delay = FIRST_DELAY
        while True:
            started = trio.current_time()
            try:
                await task()
                problem = "it ended"
            except Exception as error:
                log.exception("the background task %s crashed", name)
                problem = f"{type(error).__name__}: {error}"
            self._crashes[name] += 1
            self._down[name] = problem
            if trio.current_time() - started >= STEADY_SECONDS:
                delay = FIRST_DELAY
            await trio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            del self._down[name]


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """While this is open its tasks run; leaving it cancels them. What the body raises comes out as it is, in no
    group.
    """
    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield Background(nursery)
        except Exception as error:
            raised = error
        nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised
