"""JSON Schema of classes: exactly what the wire takes and gives."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import attrs
import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import wire
from chatcore.errors import ValidationFailed
from chatcore.ids import UserId
from chatserver.fields import ABSENT, Whole
from chatserver.jsonschema import Schemas


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen(kw_only=True)
class Inner:
    name: str
    colour: Colour | None = None


@attrs.frozen(kw_only=True)
class Outer:
    """Everything at once."""

    user_id: UserId
    number: Annotated[int, Whole(0, 9)] = 3
    flag: bool = False
    since: datetime | None = None
    inner: Inner
    many: tuple[Inner, ...] = ()
    free: Mapping[str, Any] = attrs.field(factory=dict)
    kept: str = ABSENT


ID = "0190b4f5-0000-7000-8000-000000000000"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 10) | st.sampled_from(["red", "x", ID, "2026-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "colour", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["userId", "number", "flag", "since", "inner", "many", "free", "kept", "unknown"]


def schema(request: bool) -> dict[str, Any]:
    schemas = Schemas()
    return {**schemas.of(Outer, request=request), "components": {"schemas": schemas.components}}


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.booleans())
def test_a_request_is_valid_exactly_when_it_is_taken(data: dict[str, Any], mend: bool) -> None:
    if mend:  # most generated objects fail for lack of these two alone
        data = {"userId": ID, "inner": {"name": "x"}} | {
            key: data[key] for key in data if key not in ("userId", "inner")
        }
    try:
        wire.structure(data, Outer)
        taken = True
    except ValidationFailed:
        taken = False
    valid = jsonschema_rs.Draft202012Validator(schema(request=True), validate_formats=True).is_valid(data)
    assert taken == valid, data


@pytest.mark.parametrize("since", [None, datetime(2026, 1, 1, tzinfo=UTC)])
def test_an_answer_is_valid(since: datetime | None) -> None:
    value = Outer(
        user_id=UserId(ID), since=since, inner=Inner(name="x"), many=(Inner(name="y", colour=Colour.RED),), kept="k"
    )
    told = orjson.loads(wire.encode(value))
    jsonschema_rs.Draft202012Validator(schema(request=False), validate_formats=True).validate(told)
    assert ("since" in told) is (since is not None)


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        Schemas().of(bytes, request=True)


def test_two_classes_of_one_name_are_refused() -> None:
    other = attrs.make_class("Inner", {"x": attrs.field(type=int)})
    schemas = Schemas()
    schemas.of(Inner, request=True)
    with pytest.raises(TypeError, match="Inner"):
        schemas.of(other, request=True)


def test_a_class_that_is_asked_for_and_answered_has_two_schemas() -> None:
    schemas = Schemas()
    asked, answered = schemas.of(Inner, request=True), schemas.of(Inner, request=False)
    assert asked != answered
    assert {"Inner", "InnerAnswered"} <= schemas.components.keys()
