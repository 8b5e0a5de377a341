"""The token of each request for a person: the stored one, which is renewed every 15 minutes for all terminals."""

import attrs
import httpx

from chatcli.remote.credentials import Account, Credentials
from chatcore.client import Tokens, renewed
from chatcore.errors import Unauthorized


@attrs.define(kw_only=True)
class StoredAccess:
    """A stored sign-in, as `chatcore.client.Access` describes it."""

    account: Account
    credentials: Credentials

    @property
    def url(self) -> str:
        return self.account.url

    @property
    def token(self) -> str:
        return self.account.access_token

    async def renew(self, http: httpx.AsyncClient, stale: str | None) -> None:
        async with self.credentials.locked():
            stored = self.credentials.find(self.account.url, self.account.email)
            if stored is None:
                raise self._signed_out()
            if stored.access_token != stale:
                # Another terminal was quicker; a second renewal with the same refresh token would end the session.
                self.account = stored
                return
            try:
                tokens = await renewed(http, stored.refresh_token)
            except Unauthorized as refused:
                raise self._signed_out() from refused
            self.account = with_tokens(stored, tokens)
            self.credentials.put(self.account)

    def _signed_out(self) -> Unauthorized:
        return Unauthorized(f"you are signed out: run `chatcore login {self.account.url}` (as {self.account.email})")


def with_tokens(account: Account, tokens: Tokens) -> Account:
    """The account with these in place of its own."""
    return attrs.evolve(account, access_token=tokens.access_token, refresh_token=tokens.refresh_token)
