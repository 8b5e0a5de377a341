"""Keeping a plugin's failure to itself, without ever keeping a cancellation."""

from collections.abc import Callable
from types import TracebackType


class contained:
    """Report what goes wrong inside and go on after it. Only `Exception` is kept; `trio.Cancelled` and the like pass.

    A nursery that is cancelled while one of its tasks fails raises both in one group: then the failure is reported and
    the rest of the group goes on its way. Left together, the failure would come out of the caller's own cancel scope.
    `failed` may raise instead of keeping. (A class: it costs a third of a generator, with every call of a hook.)
    """

    __slots__ = ("_failed",)

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        if isinstance(error, Exception):
            self._failed(error)
            return True
        if not isinstance(error, BaseExceptionGroup):
            return False
        failure, rest = error.split(Exception)
        try:
            if failure is not None:
                self._failed(failure)
        finally:
            if rest is not None:
                raise rest from None
        return True
