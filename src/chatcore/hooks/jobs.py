"""Periodic work of a plugin."""

from collections.abc import Awaitable, Callable

import attrs


@attrs.frozen(kw_only=True)
class Job:
    """`run` is awaited every `every` seconds while the chat is open, first after one interval, never twice at once.

    A run that fails is logged and counted; the next comes at its time.
    """

    name: str
    every: float = attrs.field()
    run: Callable[[], Awaitable[None]]

    @every.validator
    def _check_every(self, _: object, value: float) -> None:
        if value <= 0:
            raise ValueError(f"the job {self.name!r} must have an interval above 0 s, not {value!r}")
