"""How long a plugin keeps the loop: the time between the points at which it awaits something.

Everybody waits while a plugin computes, or calls what blocks. Nobody can stop that; but it can be measured from the
outside, because a coroutine is driven step by step, and each step is the plugin's own.
"""

from collections.abc import Awaitable, Generator
from time import perf_counter
from typing import Any, Protocol


class Stepped(Protocol):
    """Who is told of each step: seconds without an await in between."""

    def __call__(self, hook: str, seconds: float) -> None: ...


class Timed:
    """Awaits something of a plugin's. What runs in tasks that it started is not seen here."""

    __slots__ = ("_awaitable", "_hook", "_stepped")

    def __init__(self, awaitable: Awaitable[Any], hook: str, stepped: Stepped) -> None:
        self._awaitable = awaitable
        self._hook = hook
        self._stepped = stepped

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._awaitable.__await__()
        if not hasattr(steps, "send"):  # an iterator of somebody's own: Trio resumes it by next alone
            return (yield from steps)
        resume, given = steps.send, None
        while True:
            began = perf_counter()
            try:
                asked = resume(given)
            except StopIteration as stop:
                return stop.value
            finally:
                self._stepped(self._hook, perf_counter() - began)
            try:
                given = yield asked
                resume = steps.send
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # a cancellation, mostly: it belongs to the plugin's own coroutine
                resume, given = steps.throw, error
