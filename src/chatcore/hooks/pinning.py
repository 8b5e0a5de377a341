"""What a filter may change, and nothing else: the value that it returned, with every other field put back."""

import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import attrs


class Garbage(Exception):
    """What a filter returned is not a value that it may return; the text says what is wrong with it."""


def pin(before: Any, after: Any, changes: tuple[str, ...]) -> Any:
    """`before` with the fields `changes` of `after`; a tuple element by element. Raises Garbage."""
    if isinstance(before, tuple):
        if not isinstance(after, Sequence) or isinstance(after, str) or len(after) != len(before):
            raise Garbage(f"returned {_name(after)} instead of {len(before)} values in the same order")
        return tuple(pin(old, new, changes) for old, new in zip(before, after, strict=True))
    if after is before:
        return before
    if not changes or type(after) is not type(before):
        expected = f"a {_name(before)} or None" if changes else "None, the only answer besides raising Reject"
        raise Garbage(f"returned {_name(after)} instead of {expected}")
    fresh, cls = {}, cast(Any, type(before))
    for field in changes:
        value = getattr(after, field)
        if not _fits(value, _hints(cls)[field]):
            raise Garbage(f"returned a {_name(before)} whose {field} is {_name(value)}")
        if value != getattr(before, field):
            fresh[field] = value
    return attrs.evolve(before, **fresh) if fresh else before


def _name(value: Any) -> str:
    return type(value).__name__


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of its field, as far as the fields that filters may change need it."""
    if hint is Any:
        return True
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)
