"""What a field of a request may hold: limits that check a value and describe themselves to OpenAPI.

They are written as `Annotated[type, limit]`, so that one annotation is read by the validation (`chatcore.wire`), by the
OpenAPI document and by the reference. The services check again what they are given: a program that embeds Chatcore has
no edge in front of them.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import attrs

from chatcore.ids import UserId
from chatcore.model import MAX_CONTENT
from chatcore.service.core import KEEP
from chatcore.text import MAX_CHANNEL_NAME, MAX_EMAIL, MAX_EMOJI, MAX_SLUG

LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""One line: no control characters."""
PROSE = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"
"""Several lines: of the control characters only tab and line feed."""


ABSENT: Any = KEEP
"""The default of a field that stays as it is when a request does not name it (which null is not the same as)."""


class Limit(Protocol):
    """A rule for values of one type."""

    def check(self, value: Any) -> None:
        """Raises ValueError, in words for the caller, when the value breaks the rule."""
        ...

    def schema(self) -> dict[str, Any]:
        """The same rule as keywords of JSON Schema."""
        ...


@attrs.frozen
class Text:
    """Text of `least` to `most` Unicode code points that matches `pattern`; `advice` says so in words."""

    least: int
    most: int
    pattern: str = LINE
    advice: str = "must not hold control characters"
    format: str | None = None
    _compiled: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)

    @_compiled.default
    def _compile(self) -> re.Pattern[str]:
        return re.compile(self.pattern.removesuffix("$") + r"\Z")

    def check(self, value: str) -> None:
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"must be {_span(self.least, self.most)} characters long")
        if not self._compiled.match(value):
            raise ValueError(self.advice)

    def schema(self) -> dict[str, Any]:
        described = {"minLength": self.least, "maxLength": self.most, "pattern": self.pattern}
        return described | ({"format": self.format} if self.format else {})


@attrs.frozen
class Whole:
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def check(self, value: int) -> None:
        if not self.least <= value <= self.most:
            raise ValueError(f"must be {self.least} to {self.most}")

    def schema(self) -> dict[str, Any]:
        return {"minimum": self.least, "maximum": self.most}


@attrs.frozen
class Items:
    """A list of `least` to `most` different elements."""

    least: int
    most: int

    def check(self, value: tuple[Any, ...]) -> None:
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"must hold {_span(self.least, self.most)} elements")
        if len(set(value)) != len(value):
            raise ValueError("must not hold an element twice")

    def schema(self) -> dict[str, Any]:
        return {"minItems": self.least, "maxItems": self.most, "uniqueItems": True}


@attrs.frozen
class Shallow:
    """A free JSON object of at most `keys` keys (all levels together) and `depth` levels.

    What is stored is encoded again in every answer and event; orjson refuses to encode what is nested too deep.
    """

    keys: int = 100
    depth: int = 8

    def check(self, value: Mapping[str, Any]) -> None:
        if _weight(value, self.depth) > self.keys:
            raise ValueError(f"must hold at most {self.keys} values")

    def schema(self) -> dict[str, Any]:
        return {"maxProperties": self.keys}


def _span(least: int, most: int) -> str:
    return f"at most {most}" if least == 0 else f"{least} to {most}" if least != most else str(least)


def _weight(value: Any, depth: int) -> int:
    """How many values a JSON value holds, itself included."""
    if not isinstance(value, Mapping | list):
        return 1
    if depth == 0:
        raise ValueError("is nested too deep")
    children = value.values() if isinstance(value, Mapping) else value
    return 1 + sum(_weight(child, depth - 1) for child in children)


Email = Annotated[
    str,
    Text(
        3,
        MAX_EMAIL,
        r"^[^@\u0000-\u001f\u007f]+@[^@\u0000-\u001f\u007f]+$",
        "must be an e-mail address like ada@example.org",
    ),
]
Password = Annotated[str, Text(1, 1024, r"^[^\u0000]*$", "must not hold a NUL character", "password")]
PersonName = Annotated[str, Text(1, 100)]
DisplayName = Annotated[str, Text(1, 200)]
Title = Annotated[str, Text(1, 200)]
Slug = Annotated[
    str, Text(1, MAX_SLUG, r"^[a-z0-9-]+$", "must be lower-case letters, digits and hyphens, like my-team")
]
ChannelName = Annotated[
    str,
    Text(
        1,
        MAX_CHANNEL_NAME,
        r"^[a-z0-9_-]+$",
        "must be lower-case letters, digits, hyphens and underscores, like release-notes",
    ),
]
Description = Annotated[str, Text(0, 1000, PROSE, "must not hold control characters except tab and line ends")]
Link = Annotated[
    str,
    Text(
        1,
        500,
        r"^(https?://|/api/files/)[^\u0000-\u0020\u007f-\u00a0\u2028\u2029]+$",
        "must be an address that begins with https:// or http://",
    ),
]
Content = Annotated[
    str, Text(1, MAX_CONTENT, PROSE, "must not hold control characters except tab and line ends (\\n, without \\r)")
]
Emoji = Annotated[
    str, Text(1, MAX_EMOJI, r"^[^\u0000-\u0020/\u007f-\u00a0\u2028\u2029]+$", "must be one emoji, or its :name:")
]
TempId = Annotated[str, Text(1, 64)]
Token = Annotated[str, Text(1, 4096, r"^[A-Za-z0-9_.~+/=-]+$", "is not a token")]
Settings = Annotated[Mapping[str, Any], Shallow()]
PageSize = Annotated[int, Whole(1, 100)]
UserIds = Annotated[tuple[UserId, ...], Items(0, 100)]
