"""Signing in and out."""

import attrs

from chatcore.client.answers import SignIn
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields

REGISTER = Endpoint("POST", "/api/auth/register", SignIn)
LOGIN = Endpoint("POST", "/api/auth/login", SignIn)
REFRESH = Endpoint("POST", "/api/auth/refresh", SignIn)
LOGOUT = Endpoint("POST", "/api/auth/logout", type(None), again=True)
LOGOUT_ALL = Endpoint("POST", "/api/auth/logout-all", type(None))
PASSWORD = Endpoint("POST", "/api/auth/password", type(None))


@attrs.frozen
class Sessions:
    """`client.sessions`."""

    _api: Api

    async def register(
        self,
        email: str,
        password: str,
        *,
        first_name: str,
        last_name: str,
        workspace_slug: str | None = None,
        invite_token: str | None = None,
    ) -> SignIn:
        """Make an account and sign in. `workspace_slug` joins an open workspace, `invite_token` that of an invite."""
        body = fields(
            email=email,
            password=password,
            first_name=first_name,
            last_name=last_name,
            workspace_slug=workspace_slug,
            invite_token=invite_token,
        )
        return await self._api.call(REGISTER, body=body)

    async def sign_in(self, email: str, password: str, *, workspace_slug: str | None = None) -> SignIn:
        """Sign in; with `workspace_slug`, members of that workspace only."""
        return await self._api.call(LOGIN, body=fields(email=email, password=password, workspace_slug=workspace_slug))

    async def refresh(self, refresh_token: str) -> SignIn:
        """New tokens for a refresh token, which is good once. An open client does this by itself."""
        return await self._api.call(REFRESH, body=fields(refresh_token=refresh_token))

    async def sign_out(self, refresh_token: str | None = None) -> None:
        """End one session: that of a refresh token, or one's own."""
        await self._api.call(LOGOUT, body=fields(refresh_token=refresh_token))

    async def sign_out_everywhere(self) -> None:
        """End every session, this one too."""
        await self._api.call(LOGOUT_ALL)

    async def change_password(self, current: str, new: str) -> None:
        """Change one's password; every other session ends."""
        await self._api.call(PASSWORD, body=fields(current_password=current, new_password=new))
