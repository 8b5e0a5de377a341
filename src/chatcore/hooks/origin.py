"""Whose action this is: the plugins through which it came about, so that none of them answers itself for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Origin = tuple[str, ...]
"""Names of plugins, the one that acts itself last. Empty: a person, or the program that embeds the chat."""

# Not state of the module: a context variable belongs to the task, and every task of a plugin carries its own.
_origin: ContextVar[Origin] = ContextVar("chatcore_origin", default=())


def current_origin() -> Origin:
    """The origin of what this task does now."""
    return _origin.get()


@contextmanager
def acting_as(origin: Origin) -> Iterator[None]:
    """What is done inside has this origin."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def enter(origin: Origin, plugin: str) -> Origin:
    """The origin of what `plugin` does while it handles an action of `origin`."""
    return origin if origin and origin[-1] == plugin else (*origin, plugin)
