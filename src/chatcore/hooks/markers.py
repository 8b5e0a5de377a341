"""The two markers: `hookimpl` on what a plugin does, `hookspec` on what it may do."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar, overload

import attrs
import pluggy

PROJECT = "chatcore"

F = TypeVar("F", bound=Callable[..., Any])
G = TypeVar("G", bound=Callable[..., Any])
Phase = Literal["early", "normal", "late"]
PHASES: tuple[Phase, ...] = ("early", "normal", "late")


class Kind(StrEnum):
    """When a hook is called, and what its implementations may do."""

    FILTER = "filter"
    """Awaited before the change: may change the value, or refuse."""
    OBSERVER = "observer"
    """Told after the commit, off the path."""
    AROUND = "around"
    """An async context manager around one operation."""
    LIFE = "life"
    """About the plugin itself."""
    REGISTER = "register"
    """Called once at the start; returns parts. A failure refuses the start."""


@attrs.frozen(kw_only=True)
class SpecOptions:
    """What the caller knows about a hook. See `hookspec`."""

    kind: Kind
    value: str | None = None
    changes: tuple[str, ...] = ()
    vital: bool = False


@attrs.frozen(kw_only=True)
class ImplOptions:
    """What a plugin asked for. See `hookimpl`."""

    phase: Phase = "normal"
    guard: bool = False


_SPEC = "chatcore_spec_options"
_IMPL = "chatcore_impl_options"
_mark_spec = pluggy.HookspecMarker(PROJECT)
_mark_impl = pluggy.HookimplMarker(PROJECT)


def hookspec(
    *, kind: Kind, value: str | None = None, changes: tuple[str, ...] = (), vital: bool = False
) -> Callable[[F], F]:
    """Declare a hook: a function whose signature and docstring are the hook's.

    value: the argument that a filter may return changed. changes: the fields of it that may differ afterwards; all
    others are put back. vital: a filter whose failure is a refusal, whether or not its author marked it as a guard.
    """

    def mark(function: F) -> F:
        _mark_spec(function)
        setattr(function, _SPEC, SpecOptions(kind=kind, value=value, changes=changes, vital=vital))
        return function

    return mark


class Mark(Protocol):
    """Marks the function that it is called with. It has a name so that the mypy plugin can see it called."""

    def __call__(self, function: F, /) -> F: ...


@overload
def hookimpl(function: F) -> F: ...


@overload
def hookimpl(*, phase: Phase = "normal", guard: bool = False) -> Mark: ...


def hookimpl(function: F | None = None, *, phase: Phase = "normal", guard: bool = False) -> F | Mark:
    """Mark a function as the implementation of the hook of its name. It takes any of the hook's arguments, by name.

    phase: `early` implementations run before `normal` ones, `late` ones after them. guard: for filters: runs after the
    others, may only refuse, and refuses when it fails.
    """
    if phase not in PHASES:
        raise ValueError(f"phase must be early, normal or late, not {phase!r}")

    def mark(marked: G) -> G:
        _mark_impl(marked)
        setattr(marked, _IMPL, ImplOptions(phase=phase, guard=guard))
        return marked

    return mark if function is None else mark(function)


def spec_options(function: Any) -> SpecOptions | None:
    """The options of a hook specification; None for one that was not made by `hookspec`."""
    options: SpecOptions | None = getattr(function, _SPEC, None)
    return options


def impl_options(function: Any) -> ImplOptions:
    """The options of a hook implementation."""
    options: ImplOptions = getattr(function, _IMPL, None) or ImplOptions()
    return options
