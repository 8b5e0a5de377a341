"""Keeping a plugin's failure to itself, without ever keeping a cancellation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def contained(failed: Callable[[Exception], None]) -> Iterator[None]:
    """Report what goes wrong inside and go on after it. Only `Exception` is kept; `trio.Cancelled` and the like pass.

    A nursery that is cancelled while one of its tasks fails raises both in one group: then the failure is reported and
    the rest of the group goes on its way. Left together, the failure would come out of the caller's own cancel scope.
    """
    try:
        yield
    except Exception as error:
        failed(error)
    except BaseExceptionGroup as group:
        failure, rest = group.split(Exception)
        try:
            if failure is not None:
                failed(failure)
        finally:
            if rest is not None:
                raise rest from None
