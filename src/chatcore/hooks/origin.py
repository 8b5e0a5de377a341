"""Whose action this is: the plugins through which it came about, so that none of them answers itself for ever."""

from contextvars import ContextVar, Token

Origin = tuple[str, ...]
"""Names of plugins, the one that acts itself last. Empty: a person, or the program that embeds the chat."""

# Not state of the module: a context variable belongs to the task, and every task of a plugin carries its own.
_origin: ContextVar[Origin] = ContextVar("chatcore_origin", default=())


def current_origin() -> Origin:
    """The origin of what this task does now."""
    return _origin.get()


class acting_as:
    """What is done inside has this origin."""

    __slots__ = ("_origin", "_token")

    _token: Token[Origin]

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def __enter__(self) -> None:
        self._token = _origin.set(self._origin)

    def __exit__(self, *_: object) -> None:
        _origin.reset(self._token)


def enter(origin: Origin, plugin: str) -> Origin:
    """The origin of what `plugin` does while it handles an action of `origin`."""
    return origin if origin and origin[-1] == plugin else (*origin, plugin)
