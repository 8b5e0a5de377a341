"""The token of each request: a bot's, which stays as it is, or a person's, which is renewed every 15 minutes."""

from typing import Protocol

import attrs
import httpx

from chatcli.problem import Failure
from chatcli.remote.answer import Refused, read
from chatcli.remote.credentials import Account, Credentials


class Access(Protocol):
    """Where requests go, and as whom."""

    @property
    def url(self) -> str:
        """The server, without a slash at the end."""
        ...

    @property
    def token(self) -> str:
        """The token to send now."""
        ...

    async def renew(self, http: httpx.AsyncClient) -> None:
        """The token was refused: get another one. Raises Failure when there is none to be had."""
        ...


@attrs.frozen(kw_only=True)
class BotAccess:
    """A `cct_…` token from the environment."""

    url: str
    token: str = attrs.field(repr=False)

    async def renew(self, http: httpx.AsyncClient) -> None:
        raise Failure(f"{self.url} does not take this token: make another with `chatcore token create`")


@attrs.define(kw_only=True)
class PersonAccess:
    """A stored sign-in."""

    account: Account
    credentials: Credentials

    @property
    def url(self) -> str:
        return self.account.url

    @property
    def token(self) -> str:
        return self.account.access_token

    async def renew(self, http: httpx.AsyncClient) -> None:
        async with self.credentials.locked():
            stored = self.credentials.find(self.account.url, self.account.email)
            if stored is None:
                raise self._signed_out()
            if stored.access_token != self.account.access_token:
                # Another terminal was quicker; a second renewal with the same refresh token would end the session.
                self.account = stored
                return
            self.account = await self._refreshed(http, stored)
            self.credentials.put(self.account)

    async def _refreshed(self, http: httpx.AsyncClient, stored: Account) -> Account:
        try:
            answer = read(await http.post("/api/auth/refresh", json={"refreshToken": stored.refresh_token}))
        except Refused as refused:
            if refused.status == 401:
                raise self._signed_out() from refused
            raise
        return attrs.evolve(stored, access_token=answer["accessToken"], refresh_token=answer["refreshToken"])

    def _signed_out(self) -> Failure:
        return Failure(f"you are signed out: run `chatcore login {self.account.url}` (as {self.account.email})")
