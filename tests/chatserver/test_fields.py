"""Limits mean the same to the validation and to the document."""

from typing import Annotated, Any, get_args

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import wire
from chatcore.errors import ValidationFailed
from chatserver import fields
from chatserver.fields import Items, Shallow, Text, Whole

TEXTS = [
    fields.Email,
    fields.Password,
    fields.PersonName,
    fields.Slug,
    fields.ChannelName,
    fields.Description,
    fields.Link,
    fields.Content,
    fields.Emoji,
    fields.TempId,
    fields.Token,
]


def accepts(hint: Any, value: Any) -> bool:
    try:
        wire.structure(value, hint)
    except ValidationFailed:
        return False
    return True


@pytest.mark.parametrize("hint", TEXTS)
@given(
    text=st.one_of(
        st.text(max_size=120),
        st.text(st.characters(max_codepoint=0xA0), max_size=60),
        st.from_regex(r"[a-z0-9_-]{1,110}", fullmatch=True),
        st.from_regex(r"[a-z]{1,5}@[a-z.]{1,9}\n?", fullmatch=True),
        st.sampled_from(["", "\n", "a\n", "https://x", "/api/files/1", ":+1:", "👍", "a b", "x" * 255, "y" * 256]),
    )
)
def test_the_schema_and_the_check_agree(hint: Any, text: str) -> None:
    base, limit = get_args(hint)
    assert base is str
    described = jsonschema_rs.is_valid({"type": "string", **limit.schema()}, text)
    assert accepts(hint, text) == described


@given(st.integers())
def test_numbers(number: int) -> None:
    assert accepts(Annotated[int, Whole(1, 100)], number) == (1 <= number <= 100)


def test_lists_say_what_is_wrong() -> None:
    pair = Annotated[tuple[str, ...], Items(1, 2)]
    assert accepts(pair, ["a"])
    for bad in ([], ["a", "b", "c"], ["a", "a"]):
        assert not accepts(pair, bad)


def test_free_objects_are_shallow_and_small() -> None:
    free = Annotated[dict[str, Any], Shallow(keys=5, depth=3)]
    assert accepts(free, {"a": {"b": [1, 2]}})
    assert not accepts(free, {"a": {"b": {"c": {}}}})
    assert not accepts(free, {"a": [1, 2, 3, 4, 5]})
    assert not accepts(free, {str(n): n for n in range(6)})


def test_a_pattern_ends_where_the_text_ends() -> None:
    with pytest.raises(ValueError, match="must be"):
        Text(1, 9, r"^[a-z]+$", "must be letters").check("abc\n")
