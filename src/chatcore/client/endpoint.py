"""One endpoint of the REST interface, as data: what a method of `chatcore.client.rest` calls.

The tests hold all of these against the server's own table of routes, so that none is missing and none is wrong.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import attrs

from chatcore import wire

T = TypeVar("T")
_PART = re.compile(r":([A-Za-z]+)")


class Keep:
    """The type of `KEEP`."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep()
"""The default of a field that stays as it is, which None, that empties it, does not mean."""


@attrs.frozen
class Endpoint(Generic[T]):
    """`path` has `:parts`. `answer` is the class of the answer. `again`: whether it may be sent twice and happens once,
    which is so for whatever only reads, sets or removes.
    """

    method: str
    path: str
    answer: type[T]
    again: bool = attrs.field()

    @again.default
    def _is_repeatable(self) -> bool:
        return self.method != "POST"

    def at(self, parts: Mapping[str, str]) -> str:
        """The path with its parts filled in."""
        return _PART.sub(lambda part: quote(parts[part[1]], safe=""), self.path)


def fields(**given: Any) -> dict[str, Any]:
    """A body or a query: what is None is left out."""
    return {wire.camel(name.rstrip("_")): wire.to_json(value) for name, value in given.items() if value is not None}


def changes(**given: Any) -> dict[str, Any]:
    """The body of a change: what is `KEEP` is left out, None empties the field."""
    return {wire.camel(name): wire.to_json(value) for name, value in given.items() if value is not KEEP}
