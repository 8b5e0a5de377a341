"""The parts of one server, and what a handler is given of them with each call."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from chatcore import Chat
from chatcore.errors import Unauthorized
from chatcore.ids import UserId
from chatcore.service.identity import Identity
from chatserver.asked import Asked
from chatserver.client import Client, Headers, Proxies
from chatserver.cookies import CookieJar
from chatserver.meter import Meter
from chatserver.origins import Origins
from chatserver.ratelimit import RateLimiter, rules_of

if TYPE_CHECKING:
    from chatserver.route import Route


@attrs.frozen(kw_only=True)
class Parts:
    """One server's: several can live in one process."""

    chat: Chat
    limiter: RateLimiter
    proxies: Proxies
    origins: Origins
    meter: Meter
    routes: "tuple[Route, ...]"
    watched: dict[str, Callable[[], Mapping[str, Any]]] = attrs.field(factory=dict)
    """What the server's own readiness depends on, by name: each says `{"ok": bool, ...}`."""

    @classmethod
    def of(cls, chat: Chat, routes: "tuple[Route, ...]") -> "Parts":
        """The parts of a server for this chat, by its settings. Raises ConfigError."""
        config = chat.config
        rules = rules_of(config.rate_limits)
        return cls(
            chat=chat,
            limiter=RateLimiter(rules, storage=chat.storage, clock=chat.clock, hooks=chat.hooks),
            proxies=Proxies(config.trusted_proxies),
            origins=Origins(config.allowed_origins),
            meter=Meter(),
            routes=routes,
        )


@attrs.define(kw_only=True)
class Call:
    """One request on its way through a handler.

    `status` overrides the route's; `jar` takes the cookies to be set with the answer.
    """

    parts: Parts
    client: Client
    asked: Asked
    identity: Identity | None = None
    status: int | None = None
    jar: CookieJar = attrs.Factory(CookieJar)

    @property
    def chat(self) -> Chat:
        return self.parts.chat

    @property
    def address(self) -> str:
        """The caller's network address, as rate limits count it."""
        return self.client.network

    @property
    def headers(self) -> Headers:
        """Of the request."""
        return self.asked.headers

    @property
    def cookies(self) -> Mapping[str, str]:
        """Of the request."""
        return self.asked.cookies

    @property
    def user_agent(self) -> str:
        """What the client says that it is."""
        return self.asked.headers.get("user-agent") or ""

    @property
    def actor(self) -> UserId:
        """Who is signed in. Raises Unauthorized."""
        return self.me.user_id

    @property
    def me(self) -> Identity:
        """How the caller is signed in. Raises Unauthorized."""
        if self.identity is None:
            raise Unauthorized("Sign in first: send Authorization: Bearer <access token>.")
        return self.identity
