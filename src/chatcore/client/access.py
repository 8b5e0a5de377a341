"""The token of each request: a bot's, which stays as it is, or a person's, which is renewed every 15 minutes."""

import base64
from collections.abc import Callable
from typing import Protocol

import attrs
import httpx
import orjson
import trio

from chatcore.client.answering import read
from chatcore.errors import Unauthorized

RENEW_AFTER = 0.8
"""The part of its life after which an access token is renewed, so that an open socket never hears of it."""


@attrs.frozen(kw_only=True)
class Tokens:
    """What a sign-in gives. The refresh token changes with every renewal, and is good once."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


class Access(Protocol):
    """Where requests go, and as whom."""

    @property
    def url(self) -> str:
        """The server, without a slash at the end."""
        ...

    @property
    def token(self) -> str | None:
        """The token to send now; None: nobody is signed in."""
        ...

    async def renew(self, http: httpx.AsyncClient, stale: str | None) -> None:
        """The token `stale` was refused, or is about to be: get another one, unless that has happened meanwhile.

        Raises ChatError; Unauthorized when only a new sign-in helps.
        """
        ...


@attrs.frozen(kw_only=True)
class Anonymous:
    """Nobody: for signing in and registering."""

    url: str
    token: None = None

    async def renew(self, http: httpx.AsyncClient, stale: str | None) -> None:
        raise Unauthorized("Sign in first: open the client with a token, or with an e-mail address and a password.")


@attrs.frozen(kw_only=True)
class BotAccess:
    """A `cct_…` token."""

    url: str
    token: str = attrs.field(repr=False)

    async def renew(self, http: httpx.AsyncClient, stale: str | None) -> None:
        raise Unauthorized(f"{self.url} does not take this token: make another with `chatcore token create`.")


@attrs.define(kw_only=True)
class PersonAccess:
    """A person's sign-in. `keep` is called with each new pair of tokens, to store it before it is used."""

    url: str
    tokens: Tokens
    keep: Callable[[Tokens], None] | None = None
    _renewing: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    @property
    def token(self) -> str:
        return self.tokens.access_token

    async def renew(self, http: httpx.AsyncClient, stale: str | None) -> None:
        async with self._renewing:
            if self.tokens.access_token != stale:
                return
            self.tokens = await renewed(http, self.tokens.refresh_token)
            if self.keep is not None:
                self.keep(self.tokens)


async def renewed(http: httpx.AsyncClient, refresh_token: str) -> Tokens:
    """New tokens for a refresh token, which is good once: for an `Access` of one's own. Raises ChatError, and
    httpx.TransportError: should the answer be lost, the same token is taken again for 30 s.
    """
    answer = read(await http.post("/api/auth/refresh", json={"refreshToken": refresh_token}))
    return Tokens(access_token=answer["accessToken"], refresh_token=answer["refreshToken"])


def lasts(token: str | None) -> float | None:
    """Seconds that an access token is good for from its making; None: it does not say (a bot's does not).

    The token is not checked, only looked at: it decides nothing but when to ask for the next one.
    """
    parts = (token or "").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return max(1.0, float(claims["exp"]) - float(claims["iat"]))
    except (ValueError, KeyError, TypeError):
        return None
