"""What a field of a request may hold: limits that check a value and describe themselves to OpenAPI.

They are written as `Annotated[type, limit]`, so that one annotation is read by the validation (`chatcore.wire`), by the
OpenAPI document and by the reference.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import attrs

LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""One line: no control characters."""
PROSE = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"
"""Several lines: of the control characters only tab and line feed."""


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
