"""Invite links."""

import attrs

from chatcore.client.answers import InviteItem, InviteList, NewInvite, WorkspaceView
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.ids import InviteId
from chatcore.model import Role

CREATE = Endpoint("POST", "/api/workspaces/:slug/invites", NewInvite)
LIST = Endpoint("GET", "/api/workspaces/:slug/invites", InviteList)
REVOKE = Endpoint("DELETE", "/api/invites/:inviteId", type(None))
ACCEPT = Endpoint("POST", "/api/invites/:token/accept", WorkspaceView)


@attrs.frozen
class Invites:
    """`client.invites`."""

    _api: Api

    async def create(
        self, slug: str, *, role: Role = Role.MEMBER, expires_in: int | None = None, max_uses: int | None = None
    ) -> NewInvite:
        """A link that carries a role. `expires_in` is in seconds; without it the link works for ever."""
        body = fields(role=role, expires_in=expires_in, max_uses=max_uses)
        return await self._api.call(CREATE, body=body, slug=slug)

    async def list(self, slug: str) -> tuple[InviteItem, ...]:
        """The invites that are not revoked, newest first: all for owners and admins, one's own for others."""
        return (await self._api.call(LIST, slug=slug)).invites

    async def revoke(self, invite_id: InviteId) -> None:
        """Make an invite useless."""
        await self._api.call(REVOKE, invite_id=invite_id)

    async def accept(self, token: str) -> WorkspaceView:
        """Join the workspace of an invite."""
        return await self._api.call(ACCEPT, token=token)
