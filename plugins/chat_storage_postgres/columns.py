"""How a field of a value becomes a column, and back, by its type alone.

Ids are UUIDs, which travel as text; enums have types of their own, of which asyncpg need not know; free objects and
tuples of enums are JSONB; times and booleans are what they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import orjson

from chatcore.ids import ID_TYPES, is_id

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The id of nothing: what text that is no id is compared as."""

Convert = Callable[[Any], Any]

_ENUM_TYPES = {
    "Role": "member_role",
    "ChannelType": "channel_type",
    "HuddleStatus": "huddle_status",
    "HuddleMode": "huddle_mode",
    "Topology": "huddle_topology",
    "PresenceStatus": "presence_status",
}
"""The enums of values, and their types in the schema."""


@attrs.frozen
class Column:
    """`dump` and `load` are None where the value is stored as it is; None is always NULL. `revive` loads it from JSON.

    `enum` is the type in the schema of a column of such a type.
    """

    field: str
    name: str
    dump: Convert | None = None
    load: Convert | None = None
    revive: Convert | None = None
    enum: str | None = None
    is_id: bool = False

    def store(self, value: Any) -> Any:
        """What PostgreSQL is given for the field's value."""
        return value if value is None or self.dump is None else self.dump(value)

    def compare(self, value: Any) -> Any:
        """What the column is compared with: text that is no id equals none."""
        stored = self.store(value)
        return known_id(stored) if self.is_id and stored is not None else stored

    def parameter(self, number: int) -> str:
        """`$number`, as a parameter for this column."""
        return f"${number}" if self.enum is None else f"${number}::text::{self.enum}"

    @property
    def selected(self) -> str:
        """The column in a SELECT."""
        return self.name if self.enum is None else f"{self.name}::text"


def known_id(text: str) -> str:
    """The id, or that of nothing for text that is none (on which PostgreSQL would give up)."""
    return text if is_id(text) else NOBODY


def columns_of(cls: type[Any], renames: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a value's class, in the order of its fields; `renames` gives those whose name differs."""
    hints = get_type_hints(cls)
    return tuple(_column(field.name, renames, hints[field.name]) for field in attrs.fields(cls))


def dump_json(value: Any) -> str:
    """JSON, as text."""
    return orjson.dumps(value).decode()


def listed(values: Iterable[Any]) -> str:
    """An array of ids, numbers, times, truths or words of our own, as PostgreSQL reads it: `$1::text::uuid[]`.

    asyncpg asks of each item of an array, in Python, whether it is an array itself: with 27 columns that was a sixth of
    the loop's time for a message. Not for free text, of which each letter would have to be looked at here.
    """
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def _column(field: str, renames: Mapping[str, str], hint: Any) -> Column:
    name = renames.get(field, field)
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    origin = get_origin(hint)
    if hint is datetime:
        return Column(field, name, revive=datetime.fromisoformat)
    if origin is not None and issubclass(origin, Mapping):
        return Column(field, name, _dump_mapping, orjson.loads)
    if origin is tuple:
        kind = get_args(hint)[0]
        return Column(field, name, _dump_list, partial(_load_tuple, kind), partial(_members, kind))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Column(field, name, str, hint, hint, enum=_ENUM_TYPES[hint.__name__])
    return Column(field, name, is_id=hint in ID_TYPES)


def _dump_mapping(value: Mapping[str, Any]) -> str:
    return dump_json(dict(value))


def _dump_list(value: Sequence[Enum]) -> str:
    return dump_json([each.value for each in value])


def _load_tuple(kind: type[Enum], text: str) -> tuple[Enum, ...]:
    return _members(kind, orjson.loads(text))


def _members(kind: type[Enum], values: Sequence[str]) -> tuple[Enum, ...]:
    return tuple(kind(value) for value in values)
