"""How a field of a value becomes a column, and back, by its type alone.

Times are whole milliseconds, enums their text, booleans 0 or 1, free objects JSON text, tuples of enums too.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Convert = Callable[[Any], Any]


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The inverse of `to_ms`."""
    return _EPOCH + timedelta(milliseconds=ms)


@attrs.frozen
class Column:
    """`dump` and `load` are None where the value is stored as it is; None is always NULL."""

    field: str
    name: str
    dump: Convert | None = None
    load: Convert | None = None

    def store(self, value: Any) -> Any:
        """What SQLite is given for the field's value."""
        return value if value is None or self.dump is None else self.dump(value)


def columns_of(cls: type[Any], renames: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a value's class, in the order of its fields; `renames` gives those whose name differs."""
    hints = get_type_hints(cls)
    return tuple(
        Column(field.name, renames.get(field.name, field.name), *_conversions(hints[field.name]))
        for field in attrs.fields(cls)
    )


def _conversions(hint: Any) -> tuple[Convert | None, Convert | None]:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    origin = get_origin(hint)
    if hint is datetime:
        return to_ms, from_ms
    if hint is bool:
        return int, bool
    if origin is not None and issubclass(origin, Mapping):
        return _dump_json, orjson.loads
    if origin is tuple:
        return _dump_list, partial(_load_tuple, get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return str, hint
    return None, None


def _dump_json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode()


def _dump_list(value: Sequence[Enum]) -> str:
    return orjson.dumps([each.value for each in value]).decode()


def _load_tuple(kind: type[Enum], text: str) -> tuple[Enum, ...]:
    return tuple(kind(each) for each in orjson.loads(text))
