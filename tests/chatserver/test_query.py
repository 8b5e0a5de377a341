"""Query strings are as strict as bodies."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import ValidationFailed
from chatcore.ids import UserId
from chatserver.fields import Whole
from chatserver.query import parse_query


class Colour(StrEnum):
    RED = "red"


@attrs.frozen(kw_only=True)
class Wanted:
    text: str | None = None
    number: Annotated[int, Whole(0, 10)] = 5
    flag: bool = False
    user_id: UserId | None = None
    since: datetime | None = None
    colour: Colour | None = None
    from_: str | None = None


def test_each_field_becomes_its_type() -> None:
    raw = b"text=a%20b+c&number=7&flag=true&since=2026-01-01T00:00:00Z&colour=red&from=me"
    raw += b"&userId=0190b4f5-0000-7000-8000-000000000000"
    assert parse_query(raw, Wanted) == Wanted(
        text="a b c",
        number=7,
        flag=True,
        user_id=UserId("0190b4f5-0000-7000-8000-000000000000"),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        colour=Colour.RED,
        from_="me",
    )
    assert parse_query(b"", Wanted) == Wanted()


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"number=x", "number"),
        (b"number=07", "number"),
        (b"number=+7", "number"),
        (b"number=7.0", "number"),
        (b"number=", "number"),
        (b"number=11", "number"),
        (b"number=1_0", "number"),
        (b"flag=1", "flag"),
        (b"flag=True", "flag"),
        (b"userId=me", "userId"),
        (b"since=yesterday", "since"),
        (b"colour=blue", "colour"),
        (b"text=a&text=b", "text"),
        (b"other=1", "other"),
        (b"Text=a", "Text"),
        (b"text=%ff", "query"),
        (b"text=\xff", "query"),
        (b"&".join(b"a%d=1" % n for n in range(51)), "query"),
    ],
)
def test_everything_else_is_refused_by_name(raw: bytes, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse_query(raw, Wanted)
    assert list(refused.value.details) == [field]


@given(st.text())
def test_any_text_passes_unchanged(text: str) -> None:
    assert parse_query(b"text=" + quote(text, safe="", errors="surrogatepass").encode(), Wanted).text == text


@given(st.binary(max_size=60))
def test_no_bytes_break_it(raw: bytes) -> None:
    try:
        parse_query(raw, Wanted)
    except ValidationFailed:
        return
