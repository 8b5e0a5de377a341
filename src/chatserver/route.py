"""One endpoint, as data.

From the table of these come the rules of the web framework, the validation, the OpenAPI document and the reference:
what is not in the table does not exist.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, get_type_hints

import attrs

from chatcore.hooks import Raw
from chatcore.model import TokenScope
from chatcore.wire import camel

__all__ = ["Auth", "Handler", "Parameter", "Raw", "Route", "route"]

Handler = Callable[..., Awaitable[Any]]
Needs = tuple[TokenScope, ...]
ANY_TOKEN: Needs = ()
"""What a route needs that a token of any scope may call."""
_PARAMETER = re.compile(r":([A-Za-z]+)")


class Auth(Enum):
    """Who may call an endpoint."""

    SIGNED_IN = "signed in"
    NOBODY = "nobody"
    """Open to all; who is signed in is not looked at."""
    SIGNING_IN = "signing in"
    """Open to all, and sets the session cookies: refused when a foreign page sends it (login CSRF)."""


@attrs.frozen(kw_only=True)
class Parameter:
    """A part of the path: its name outside (`channelId`), inside (`channel_id`), and its type."""

    name: str
    argument: str
    type: Any


@attrs.frozen(kw_only=True)
class Route:
    """`needs`: the scopes that a bot's token must have, all of them.

    `body`, `query` and `answer` are attrs classes (None: there is none), read from the handler's annotations; a
    `body` of `bytes` is taken as it comes.

    `rate` names the rule that a call counts under; `errors` are failures beyond those that every such endpoint has;
    `also` are further statuses with the same answer.
    """

    method: str
    path: str
    handler: Handler
    status: int
    auth: Auth
    needs: Needs
    rate: str | None
    errors: tuple[int, ...]
    also: tuple[int, ...]
    media_type: str
    parameters: tuple[Parameter, ...]
    body: type[Any] | None
    query: type[Any] | None
    answer: Any

    @property
    def name(self) -> str:
        """Unique, and the operation's id outside: `createChannel`."""
        return camel(self.handler.__name__)

    @property
    def subject(self) -> str:
        """The resource that it belongs to: the name of the handler's file."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def doc(self) -> str:
        """What it does, from the handler's docstring."""
        return inspect.getdoc(self.handler) or ""

    @property
    def rule(self) -> str:
        """The path as the web framework writes it."""
        return _PARAMETER.sub(r"<\1>", self.path)

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


def route(
    method: str,
    path: str,
    handler: Handler,
    *,
    status: int = 200,
    auth: Auth = Auth.SIGNED_IN,
    needs: TokenScope | Needs | None = None,
    rate: str | None = "default",
    errors: tuple[int, ...] = (),
    also: tuple[int, ...] = (),
    media_type: str = "application/json",
) -> Route:
    """A line of the table.

    The handler is `async def name(call, …) -> answer`: after the call come one argument for each `:part` of the path,
    and, if it takes them, `query` and `body`. Raises TypeError when path and arguments do not match, and when it is for
    those who are signed in and does not say what a token needs.
    """
    if (needs is None) is (auth is Auth.SIGNED_IN):
        raise TypeError(f"{method} {path}: say what a bot's token needs, if and only if one has to be signed in")
    hints = get_type_hints(handler, include_extras=True)
    answer = hints.pop("return")
    wanted = [name for name in inspect.signature(handler).parameters if name != "call"]
    body, query = hints.get("body"), hints.get("query")
    parts = {camel(name): name for name in wanted if name not in ("body", "query")}
    named = _PARAMETER.findall(path)
    if set(parts) != set(named):
        raise TypeError(f"{method} {path}: the handler takes {sorted(parts)}")
    parameters = tuple(Parameter(name=name, argument=parts[name], type=hints[parts[name]]) for name in named)
    return Route(
        method=method,
        path=path,
        handler=handler,
        status=status,
        auth=auth,
        needs=(needs,) if isinstance(needs, TokenScope) else needs or ANY_TOKEN,
        rate=rate,
        errors=errors,
        also=also,
        media_type=media_type,
        parameters=parameters,
        body=body,
        query=query,
        answer=None if answer is type(None) else answer,
    )
