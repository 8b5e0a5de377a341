"""Which core does what: the server gets one, the load another, so that neither takes from the other."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def two_cores() -> tuple[int | None, int | None]:
    """A core for the server and one for the load; None twice on a machine where they have to share."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[-1]) if len(cores) > 1 else (None, None)


def pinned_to(core: int) -> Callable[[], None]:
    """For a new process, before it becomes its program."""
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def staying_on(core: int | None) -> Iterator[None]:
    """While this is open, this thread runs on the core; None: on whichever."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
