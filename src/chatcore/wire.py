"""JSON <-> values. camelCase outside, snake_case inside; strict: nothing unknown is taken, nothing is coerced.

Only what a server said is read with `tolerant`: a newer one may say more than a client knows.

Fields that are None are left out of what is written (the specification's `field?:`). Times are ISO 8601 in UTC with
milliseconds and `Z`. JSON itself is orjson's: NaN, infinities and lone surrogates cannot pass in either direction.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from operator import is_
from typing import Annotated, Any, TypeVar, get_args, get_origin

import attrs
import cattrs
import orjson
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from chatcore.errors import ValidationFailed
from chatcore.events import EVENTS, Event, MessageReceived
from chatcore.ids import ID_TYPES, WorkspaceId, is_id
from chatcore.replacing import replaced

T = TypeVar("T")

ENVELOPE_FIELDS = frozenset({"workspace_id", "seq"})
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z")


@cache
def camel(name: str) -> str:
    """`first_name` -> `firstName`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def format_time(moment: datetime) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def parse_time(text: Any) -> datetime:
    """The inverse of `format_time`; any RFC 3339 time is taken. Raises ValueError."""
    if not isinstance(text, str) or not _RFC3339.match(text):
        raise ValueError("must be a time like 2026-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


def encode(value: Any) -> bytes:
    """The JSON of a value (an attrs object, or plain JSON data that holds some)."""
    return orjson.dumps(to_json(value))


def to_json(value: Any) -> Any:
    """The plain JSON data of a value."""
    return _converter().unstructure(value)


def decode(data: bytes | str) -> Any:
    """Plain JSON data of a text. Raises ValidationFailed."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ValidationFailed("The body is not valid JSON.", {"body": str(error)}) from None


def structure(data: Any, cls: type[T], *, tolerant: bool = False) -> T:
    """The value of class `cls` that `data` describes. Raises ValidationFailed with the path of each bad field.

    tolerant: fields that are not known are passed over.
    """
    try:
        return _converter(tolerant=tolerant).structure(data, cls)
    except Exception as error:  # cattrs raises groups of many kinds; each becomes one line per field
        details = dict(_problems(error, ""))
        first = next(iter(details.items()))
        raise ValidationFailed(f"{first[0]}: {first[1]}", details) from None


def encode_event(event: Event) -> bytes:
    """The `data` of an event's frame: its fields without those of the envelope."""
    return orjson.dumps(_converter().unstructure(event))


def decode_event(type_: str, workspace_id: WorkspaceId, seq: int, data: bytes | str) -> Event:
    """The event that `encode_event` wrote. Raises ValidationFailed for an unknown type or field."""
    cls = EVENTS.get(type_)
    if cls is None:
        raise ValidationFailed.of("type", f"there is no event {type_!r}")
    event = structure(decode(data), cls)
    return stamp(event, workspace_id, seq)


def stamp(event: Event, workspace_id: WorkspaceId, seq: int) -> Event:
    """The event with its place in the log; a new message learns its own `seq` from it."""
    if isinstance(event, MessageReceived) and seq:
        return replaced(event, workspace_id=workspace_id, seq=seq, message=replaced(event.message, seq=seq))
    return replaced(event, workspace_id=workspace_id, seq=seq)


# --- the converter -------------------------------------------------------------------------------------------------


@cache
def _converter(*, tolerant: bool = False) -> cattrs.Converter:
    """Built once per process: it is a pure function of the classes."""
    converter = cattrs.Converter(forbid_extra_keys=not tolerant, detailed_validation=True)
    for primitive in (str, int, bool, float):
        converter.register_structure_hook(primitive, _strict(primitive))
    for id_type in ID_TYPES:
        converter.register_structure_hook_func(partial(is_, id_type), _structure_id)
    converter.register_unstructure_hook(datetime, format_time)
    converter.register_structure_hook(datetime, lambda data, _: parse_time(data))
    # Named, because the hook for `str` takes its subclasses too: any text would pass for a StrEnum.
    converter.register_structure_hook(StrEnum, _structure_enum)
    converter.register_structure_hook_func(_is_free_object, _structure_object)
    converter.register_unstructure_hook_func(_is_free_object, dict)
    converter.register_structure_hook_func(lambda cls: cls == Mapping[str, Any] | str, _structure_signal_data)
    converter.register_unstructure_hook_func(lambda cls: cls == Mapping[str, Any] | str, lambda data: data)
    converter.register_structure_hook_factory(_is_tuple, lambda cls: _tuple_hook(converter, cls))
    converter.register_unstructure_hook_factory(_is_tuple, lambda cls: _tuple_unhook(converter, cls))
    converter.register_structure_hook_factory(_is_annotated, lambda cls: _checked_hook(converter, cls))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure_attrs(converter, cls))
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_attrs(converter, cls))
    return converter


def _structure_attrs(converter: cattrs.Converter, cls: type[Any]) -> Callable[..., Any]:
    renames: dict[str, Any] = {}
    for field in attrs.fields(cls):
        if issubclass(cls, Event) and field.name in ENVELOPE_FIELDS:
            renames[field.name] = override(omit=True)
        else:
            renames[field.name] = override(rename=camel(field.name))
    if issubclass(cls, Event):
        return _structure_event(converter, cls, renames)
    inner = make_dict_structure_fn(
        cls,
        converter,
        _cattrs_forbid_extra_keys=converter.forbid_extra_keys,
        _cattrs_detailed_validation=True,
        **renames,
    )

    def structure_object(data: Any, _: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("must be an object")
        return inner(data, cls)

    return structure_object


def _structure_event(converter: cattrs.Converter, cls: type[Event], renames: dict[str, Any]) -> Callable[..., Any]:
    # The workspace stands in the envelope: `stamp` fills it in after the data is read.
    renames["workspace_id"] = override(rename="workspaceId")
    inner = make_dict_structure_fn(
        cls,
        converter,
        _cattrs_forbid_extra_keys=converter.forbid_extra_keys,
        _cattrs_detailed_validation=True,
        **renames,
    )

    def structure_event(data: Any, _: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("must be an object")
        if "workspaceId" in data:
            raise ForbiddenExtraKeysError("", cls, {"workspaceId"})
        return inner({**data, "workspaceId": "00000000-0000-0000-0000-000000000000"}, cls)

    return structure_event


def _unstructure_attrs(converter: cattrs.Converter, cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    renames: dict[str, Any] = {}
    for field in attrs.fields(cls):
        if issubclass(cls, Event) and field.name in ENVELOPE_FIELDS:
            renames[field.name] = override(omit=True)
        elif field.default is None or field.name == "seq":
            renames[field.name] = override(rename=camel(field.name), omit_if_default=True)
        else:
            renames[field.name] = override(rename=camel(field.name))
    return make_dict_unstructure_fn(cls, converter, **renames)


def _strict(primitive: type[Any]) -> Callable[[Any, Any], Any]:
    names = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}
    accepted: tuple[type[Any], ...] = (int, float) if primitive is float else (primitive,)

    def check(data: Any, _: Any) -> Any:
        if type(data) not in accepted:
            raise ValueError(f"must be {names[primitive]}")
        return data

    return check


def _structure_id(data: Any, _: Any) -> str:
    if not isinstance(data, str) or not is_id(data):
        raise ValueError("must be an id (a UUID in lower case)")
    return data


def _structure_enum(data: Any, cls: type[StrEnum]) -> StrEnum:
    for member in cls:
        if member.value == data and isinstance(data, str):
            return member
    raise ValueError("must be one of " + ", ".join(str(member.value) for member in cls))


def _is_free_object(cls: Any) -> bool:
    return get_origin(cls) is not None and get_origin(cls) in (Mapping, dict, _MAPPING) and get_args(cls)[-1] is Any


_MAPPING = get_origin(Mapping[str, Any])


def _structure_object(data: Any, _: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError("must be an object")
    return data


def _structure_signal_data(data: Any, _: Any) -> Any:
    if not isinstance(data, dict | str):
        raise ValueError("must be an object or text")
    return data


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _tuple_hook(converter: cattrs.Converter, cls: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    (item, _) = get_args(cls)

    def structure_tuple(data: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise ValueError("must be a list")
        found: list[Any] = []
        for index, element in enumerate(data):
            try:
                found.append(converter.structure(element, item))
            except Exception as error:
                raise _At(f"[{index}]", error) from None
        return tuple(found)

    return structure_tuple


def _tuple_unhook(converter: cattrs.Converter, cls: Any) -> Callable[[tuple[Any, ...]], list[Any]]:
    """Nearly all of a message's tuples are empty, and most others hold text, which is JSON as it is."""
    (item, _) = get_args(cls)
    hook = converter.get_unstructure_hook(item)
    if hook is identity:
        return list

    def unstructure_tuple(values: tuple[Any, ...]) -> list[Any]:
        return [hook(value) for value in values] if values else []

    return unstructure_tuple


def _is_annotated(cls: Any) -> bool:
    return get_origin(cls) is Annotated


def _checked_hook(converter: cattrs.Converter, cls: Any) -> Callable[[Any, Any], Any]:
    """`Annotated[T, limit]`: a T for which every `limit.check(value)` passes; a check raises ValueError."""
    inner, *notes = get_args(cls)
    structure_inner = converter.get_structure_hook(inner)
    checks = [note.check for note in notes if hasattr(note, "check")]

    def structure_checked(data: Any, _: Any) -> Any:
        value = structure_inner(data, inner)
        for check in checks:
            check(value)
        return value

    return structure_checked


class _At(Exception):
    """A problem at a place inside a list."""

    def __init__(self, place: str, cause: Exception) -> None:
        super().__init__(place)
        self.place, self.cause = place, cause


def _problems(error: Exception, path: str) -> list[tuple[str, str]]:
    """Path -> message for everything that is wrong, from what cattrs raised."""
    if isinstance(error, _At):
        return _problems(error.cause, path + error.place)
    if isinstance(error, ClassValidationError):
        found: list[tuple[str, str]] = []
        with_notes, without = error.group_exceptions()
        for cause, note in with_notes:
            field = camel(note.name)
            found += _problems(cause, f"{path}.{field}" if path else field)
        for cause in without:
            found += _problems(cause, path)
        return found
    if isinstance(error, IterableValidationError):
        return [problem for cause in error.exceptions for problem in _problems(cause, path)]
    if isinstance(error, ForbiddenExtraKeysError):
        keys = [key or '""' for key in sorted(error.extra_fields)]
        return [(f"{path}.{key}" if path else key, "is not a known field") for key in keys]
    if isinstance(error, KeyError):
        return [(path or "body", "is required")]
    if isinstance(error, ValueError):
        return [(path or "body", str(error))]
    return [(path or "body", "has the wrong type")]
