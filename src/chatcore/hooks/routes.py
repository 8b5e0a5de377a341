"""Endpoints of a plugin, as data: the server mounts them below `/api/plugins/<name>`.

They are validated, limited, documented and answered like the server's own. A handler is `async def name(call, …)`:
after the call come one argument for each `:part` of the path, and, if it takes them, `query` and `body`. These are
attrs classes whose fields may carry `chatcore.limits`; `body: bytes` takes whatever was sent, as it came. What is
returned is JSON (an attrs class, by the handler's annotation), `Raw`, or None for 204.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import attrs

from chatcore.ids import UserId
from chatcore.model import TokenScope

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@attrs.frozen
class Raw:
    """An answer that is no JSON value."""

    body: bytes
    content_type: str


class RouteCall(Protocol):
    """One request on its way through a handler."""

    status: int | None
    """Set it to answer with another status than the route's."""

    @property
    def chat(self) -> Any:
        """The chat, with its services."""
        ...

    @property
    def actor(self) -> UserId:
        """Who is signed in. Raises Unauthorized."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the request."""
        ...

    @property
    def address(self) -> str:
        """The caller's network address, as rate limits count it."""
        ...


@attrs.frozen(kw_only=True)
class PluginRoute:
    """One endpoint.

    path: below `/api/plugins/<name>`, `/hooks/:hookId`. signed_in: False opens it to everybody, who then are limited by
    their address. needs: the scope that a bot's token must have. rate: the rule that a call counts under. errors:
    statuses by which it refuses beyond the usual ones.
    """

    method: Method
    path: str
    handler: Callable[..., Awaitable[Any]]
    signed_in: bool = True
    needs: TokenScope = TokenScope.PLUGINS
    rate: str = "default"
    status: int = 200
    errors: tuple[int, ...] = ()
    media_type: str = "application/json"
