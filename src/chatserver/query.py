"""Query strings, as strict as bodies: text becomes the type that its field has, or the request is refused."""

import re
import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import attrs

from chatcore import wire
from chatcore.errors import ValidationFailed

T = TypeVar("T")

MAX_FIELDS = 50
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")


def parse_query(raw: bytes, cls: type[T]) -> T:
    """The value of class `cls` that a query string describes. Raises ValidationFailed."""
    readers = _readers(cls)  # type: ignore[arg-type]  # a class is hashable, whatever T is
    data: dict[str, Any] = {}
    for name, text in _pairs(raw):
        if name in data:
            raise ValidationFailed.of(name, "is given twice")
        data[name] = readers.get(name, str)(text)
    return wire.structure(data, cls)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ValidationFailed.of("query", "must be percent-encoded UTF-8 with at most 50 fields") from None


@cache
def _readers(cls: type[Any]) -> dict[str, Callable[[str], Any]]:
    hints = get_type_hints(cls, include_extras=True)
    return {wire.camel(field.name): _reader(hints[field.name]) for field in attrs.fields(cls)}


def _reader(hint: Any) -> Callable[[str], Any]:
    plain = _plain(hint)
    if plain is int:
        return _whole
    if plain is bool:
        return _truth
    return str


def _plain(hint: Any) -> Any:
    """The type below `Annotated` and `| None`."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(hint) if part is not type(None)]
        return _plain(inner)
    return hint


def _whole(text: str) -> Any:
    # What is no number stays text, and is refused by its field's type, in the words that bodies get.
    return int(text) if _WHOLE.match(text) else text


def _truth(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)
