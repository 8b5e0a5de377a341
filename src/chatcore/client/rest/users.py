"""The signed-in user."""

import attrs

from chatcore.client.answers import Account
from chatcore.client.api import Api
from chatcore.client.endpoint import KEEP, Endpoint, Keep, changes

ME = Endpoint("GET", "/api/users/me", Account)
UPDATE_ME = Endpoint("PATCH", "/api/users/me", Account)


@attrs.frozen
class Users:
    """`client.users`."""

    _api: Api

    async def me(self) -> Account:
        """Who is signed in."""
        return await self._api.call(ME)

    async def update(
        self,
        *,
        display_name: str | Keep = KEEP,
        first_name: str | Keep = KEEP,
        last_name: str | Keep = KEEP,
        avatar_url: str | Keep | None = KEEP,
    ) -> Account:
        """Change one's own profile; what is not given stays, None removes the picture."""
        body = changes(display_name=display_name, first_name=first_name, last_name=last_name, avatar_url=avatar_url)
        return await self._api.call(UPDATE_ME, body=body)
