"""A request as the edge sees it, whoever brought it, and the answer before anybody frames it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
from werkzeug.http import parse_cookie

from chatserver.client import HeaderMap


class Departed(Exception):
    """The client went away before its request was whole: nobody is left to answer."""


@attrs.define(kw_only=True, eq=False)
class Asked:
    """`path` is decoded, `query_string` is not. `body` can be read once."""

    method: str
    path: str
    query_string: bytes
    scheme: str
    peer: str
    headers: HeaderMap
    body: AsyncIterator[bytes]

    @classmethod
    def of(cls, scope: Mapping[str, Any], body: AsyncIterator[bytes]) -> "Asked":
        """The request of an ASGI scope."""
        return cls(
            method=scope["method"],
            path=scope["path"],
            query_string=scope["query_string"],
            scheme=scope["scheme"],
            peer=str((scope.get("client") or ("unix",))[0]),
            headers=HeaderMap.of(scope["headers"]),
            body=body,
        )

    @property
    def cookies(self) -> Mapping[str, str]:
        """By their names."""
        text = self.headers.get("cookie")
        return parse_cookie(text) if text else {}

    @property
    def content_length(self) -> int:
        """What the client says; 0 where it says nothing that is a number."""
        text = self.headers.get("content-length") or ""
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def media_type(self) -> str:
        """Of the body, in lower case and without parameters."""
        return (self.headers.get("content-type") or "").partition(";")[0].strip().lower()


@attrs.define(kw_only=True, eq=False)
class Answer:
    """`headers`: beside Content-Type and Content-Length."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = attrs.field(factory=list)
