"""JSON and values: every event survives the round trip, and nothing wrong gets in."""

import inspect
import json
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from typing import Annotated, Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import chatcore.model
from chatcore import wire
from chatcore.errors import ValidationFailed
from chatcore.events import EVENT_CLASSES, Event, MessageReceived
from chatcore.ids import ID_TYPES, MessageId, UserId, WorkspaceId
from chatcore.limits import Text
from chatcore.model import Channel, ChannelType, Message, UserCard

WORKSPACE = WorkspaceId("00000000-0000-7000-8000-000000000001")
VALUES = [cls for cls in vars(chatcore.model).values() if inspect.isclass(cls) and attrs.has(cls)]

plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def samples(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in ID_TYPES:
        return st.uuids().map(str)
    if origin is Annotated:
        return limited(samples(inner[0]), hint.__metadata__)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([samples(each) for each in inner])
    if origin is tuple:
        return st.lists(samples(inner[0]), max_size=2).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(st.text(), plain_json if inner[1] is Any else samples(inner[1]), max_size=2)
    if hint is datetime:
        return moments
    if attrs.has(hint):
        return objects(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    simple = {str: st.text(), int: st.integers(0, 2**53), bool: st.booleans(), type(None): st.none()}
    return simple[hint]


def limited(values: st.SearchStrategy[Any], limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Those that the limits of a field allow."""
    for limit in limits:
        if isinstance(limit, Text):
            pattern = limit.pattern.removesuffix("$") + r"\Z"
            values = st.from_regex(pattern).filter(lambda text, most=limit.most: len(text) <= most)
        values = values.filter(lambda value, limit=limit: not refused(limit, value))
    return values


def refused(limit: Any, value: Any) -> bool:
    try:
        limit.check(value)
    except ValueError:
        return True
    return False


@cache
def objects(cls: Any) -> st.SearchStrategy[Any]:
    """Values of an attrs class."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: samples(hints[field.name]) for field in attrs.fields(cls)})


message = Message(
    id=MessageId("00000000-0000-7000-8000-000000000002"),
    channel_id=chatcore.ids.ChannelId("00000000-0000-7000-8000-000000000003"),
    user_id=UserId("00000000-0000-7000-8000-000000000004"),
    user=UserCard(display_name="Ann"),
    content="hello",
    created_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
)


# --- round trips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", EVENT_CLASSES, ids=lambda cls: cls.type)
@settings(max_examples=30)
@given(data=st.data())
def test_every_event_survives_the_log(cls: type[Event], data: st.DataObject) -> None:
    event = data.draw(objects(cls))
    written = wire.encode_event(event)
    assert not {"workspaceId", "seq"} & set(json.loads(written)), "these stand in the envelope"
    again = wire.decode_event(cls.type, event.workspace_id, event.seq, written)
    assert again == wire.stamp(event, event.workspace_id, event.seq)


@pytest.mark.parametrize("cls", VALUES, ids=lambda cls: cls.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_every_value_survives(cls: type[Any], data: st.DataObject) -> None:
    value = data.draw(objects(cls))
    assert wire.structure(wire.decode(wire.encode(value)), cls) == value


def test_a_message_as_it_is_written() -> None:
    assert json.loads(wire.encode(message)) == {
        "id": message.id,
        "channelId": message.channel_id,
        "userId": message.user_id,
        "user": {"displayName": "Ann"},
        "content": "hello",
        "threadReplyCount": 0,
        "reactions": [],
        "attachments": [],
        "mentions": [],
        "mentionsAll": False,
        "createdAt": "2026-01-31T12:00:00.000Z",
    }, "camelCase; None is left out, and so is a seq that is not given yet"


def test_values_inside_plain_data_are_written() -> None:
    assert json.loads(wire.encode({"user": UserCard(display_name="Ann"), "at": [message.created_at]})) == {
        "user": {"displayName": "Ann"},
        "at": ["2026-01-31T12:00:00.000Z"],
    }


def test_names() -> None:
    assert [wire.camel(name) for name in ("id", "first_name", "read_seq_at")] == ["id", "firstName", "readSeqAt"]


def test_a_new_message_learns_its_seq_from_its_event() -> None:
    event = MessageReceived(workspace_id=WORKSPACE, message=message)
    stamped = wire.stamp(event, WORKSPACE, 7)
    assert isinstance(stamped, MessageReceived)
    assert (stamped.seq, stamped.message.seq) == (7, 7)
    again = wire.decode_event(event.type, WORKSPACE, 7, wire.encode_event(event))
    assert again == stamped


# --- times -----------------------------------------------------------------------------------------------------------


@given(moments)
def test_times_survive(moment: datetime) -> None:
    assert wire.parse_time(wire.format_time(moment)) == moment


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-23 * 60, 23 * 60))
def test_times_of_every_zone_are_taken(moment: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    try:
        text = moment.astimezone(zone).isoformat()
    except OverflowError:
        return  # there is no such time there
    assert wire.parse_time(text) == moment


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    zone = timezone(timedelta(hours=2))
    assert wire.format_time(datetime(2026, 1, 31, 14, 0, 0, 123999, zone)) == "2026-01-31T12:00:00.123Z"


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31T12:00:00,5Z",
        "2026-13-31T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+99:99",
        "2026-01-31T12:00:00.1234567Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-01-31T12:00:00Z",
        "２０２６-01-31T12:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wire.parse_time(text)


# --- what is refused -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Inner:
    number: int
    words: tuple[str, ...] = ()


class Even:
    @staticmethod
    def check(value: int) -> None:
        if value % 2:
            raise ValueError("must be even")


@attrs.frozen(kw_only=True)
class Outer:
    """One field of each kind."""

    some_text: str
    number: int = 0
    ratio: float = 0.5
    switch: bool = False
    kind: ChannelType = ChannelType.PUBLIC
    user_id: UserId | None = None
    at: datetime | None = None
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    free: Mapping[str, Any] = attrs.field(factory=dict)
    even: Annotated[int, Even] = 0
    even_or_none: Annotated[int, Even] | None = None


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"someText": 1}, {"someText": "must be text"}),
        ({"someText": None}, {"someText": "must be text"}),
        ({"number": "1"}, {"number": "must be a whole number"}),
        ({"number": True}, {"number": "must be a whole number"}),
        ({"number": 1.0}, {"number": "must be a whole number"}),
        ({"ratio": "0.5"}, {"ratio": "must be a number"}),
        ({"ratio": True}, {"ratio": "must be a number"}),
        ({"switch": 1}, {"switch": "must be true or false"}),
        ({"switch": "true"}, {"switch": "must be true or false"}),
        ({"kind": "secret"}, {"kind": "must be one of public, private, direct"}),
        ({"kind": 1}, {"kind": "must be one of public, private, direct"}),
        ({"kind": "PUBLIC"}, {"kind": "must be one of public, private, direct"}),
        ({"userId": "x"}, {"userId": "must be an id (a UUID in lower case)"}),
        ({"userId": "00000000-0000-7000-8000-00000000000A"}, {"userId": "must be an id (a UUID in lower case)"}),
        ({"at": 1_700_000_000}, {"at": "must be a time like 2026-01-31T12:00:00Z"}),
        ({"inner": []}, {"inner": "must be an object"}),
        ({"inner": {}}, {"inner.number": "is required"}),
        ({"inner": {"number": 1, "extra": 2}}, {"inner.extra": "is not a known field"}),
        ({"inner": {"number": 1, "words": ["a", 2]}}, {"inner.words[1]": "must be text"}),
        ({"many": {"0": {}}}, {"many": "must be a list"}),
        ({"many": "text"}, {"many": "must be a list"}),
        ({"many": [{"number": 1}, {"number": "x"}]}, {"many[1].number": "must be a whole number"}),
        ({"many": [{"number": 1, "words": [0]}]}, {"many[0].words[0]": "must be text"}),
        ({"free": []}, {"free": "must be an object"}),
        ({"even": 3}, {"even": "must be even"}),
        ({"even": "2"}, {"even": "must be a whole number"}),
        ({"evenOrNone": 3}, {"evenOrNone": "must be even"}),
        ({"some_text": "x"}, {"some_text": "is not a known field"}),
        ({"a": 1, "b": 2}, {"a": "is not a known field", "b": "is not a known field"}),
        ({"number": "x", "switch": 0}, {"number": "must be a whole number", "switch": "must be true or false"}),
    ],
)
def test_every_bad_field_is_named_with_its_path(fields: dict[str, Any], details: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        wire.structure({"someText": "x"} | fields, Outer)
    assert caught.value.details == details
    path, problem = next(iter(details.items()))
    assert caught.value.message == f"{path}: {problem}"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        wire.structure({}, Outer)
    assert caught.value.details == {"someText": "is required"}


@pytest.mark.parametrize("data", [None, 1, "text", [], [{"someText": "x"}], True])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        wire.structure(data, Outer)
    assert caught.value.details == {"body": "must be an object"}


def test_what_is_right_is_taken() -> None:
    data = {
        "someText": "",
        "ratio": 1,
        "userId": None,
        "at": "2026-01-31T12:00:00+02:00",
        "inner": {"number": -1},
        "even": 2,
        "evenOrNone": None,
        "free": {"any": [1, None, {"thing": "x"}]},
    }
    value = wire.structure(data, Outer)
    assert value.at == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert (value.inner, value.even, value.free) == (Inner(number=-1), 2, {"any": [1, None, {"thing": "x"}]})


def field_names(cls: type[Any]) -> st.SearchStrategy[str]:
    return st.sampled_from([wire.camel(field.name) for field in attrs.fields(cls)]) | st.text(max_size=5)


@given(st.data(), st.sampled_from([Outer, Message, Channel, *EVENT_CLASSES]))
def test_wild_data_gives_a_value_or_a_refusal_that_names_something(data: st.DataObject, cls: type[Any]) -> None:
    wild = data.draw(plain_json | st.dictionaries(field_names(cls), plain_json | samples(UserId), max_size=12))
    try:
        value = wire.structure(wild, cls)
    except ValidationFailed as error:
        details = error.details
    else:
        assert isinstance(value, cls)
        return
    assert details
    assert all(path and problem for path, problem in details.items())


@given(st.data(), st.sampled_from(EVENT_CLASSES))
def test_an_event_with_one_unknown_field_is_refused(data: st.DataObject, cls: type[Event]) -> None:
    written = json.loads(wire.encode_event(data.draw(objects(cls))))
    extra = data.draw(st.sampled_from(["workspaceId", "seq", "workspace_id", "extra", "type"]))
    with pytest.raises(ValidationFailed) as caught:
        wire.decode_event(cls.type, WORKSPACE, 1, json.dumps({**written, extra: WORKSPACE}))
    assert caught.value.details == {extra: "is not a known field"}


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="there is no event 'nothing'"):
        wire.decode_event("nothing", WORKSPACE, 1, b"{}")


# --- JSON itself -----------------------------------------------------------------------------------------------------


@given(st.binary() | st.text())
@example(b"")
@example(b"\xff")
@example(b"NaN")
@example(b"[Infinity]")
@example(b'"\\ud800"')
@example(b'{"a": 1,}')
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1" * 5000)
@example(b"1e999")
def test_any_bytes_are_data_or_refused(data: bytes | str) -> None:
    try:
        found = wire.decode(data)
    except ValidationFailed as error:
        details = error.details
    else:
        json.dumps(found, allow_nan=False)
        return
    assert list(details) == ["body"]


@pytest.mark.parametrize(
    "data", [b"NaN", b"-Infinity", b'"\\ud800"', b'"\xed\xa0\x80"', b"{'a': 1}", b"1 2", b"// x\n1"]
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValidationFailed):
        wire.decode(data)
