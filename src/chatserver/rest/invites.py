"""Invite links."""

from datetime import datetime
from typing import Annotated

import attrs

from chatcore.ids import InviteId, UserId
from chatcore.model import Invite, Role, TokenScope
from chatserver.fields import Slug, Token, Whole
from chatserver.parts import Call
from chatserver.rest.workspaces import WorkspaceResponse, shown
from chatserver.route import route

Seconds = Annotated[int, Whole(1, 365 * 24 * 3600)]
Uses = Annotated[int, Whole(1, 10_000)]


@attrs.frozen(kw_only=True)
class CreateInviteRequest:
    """`expiresIn` is in seconds; without it, or `maxUses`, the link works for ever, or any number of times."""

    role: Role = Role.MEMBER
    expires_in: Seconds | None = None
    max_uses: Uses | None = None


@attrs.frozen(kw_only=True)
class InviteResponse:
    """`token` and `url` are shown this once."""

    id: InviteId
    token: str
    url: str
    role: Role
    expires_at: datetime | None = None
    max_uses: int | None = None


@attrs.frozen(kw_only=True)
class InviteItem:
    """An invite in the list."""

    id: InviteId
    role: Role
    created_by: UserId
    created_at: datetime
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int

    @classmethod
    def of(cls, invite: Invite) -> "InviteItem":
        return cls(
            id=invite.id,
            role=invite.role,
            created_by=invite.created_by,
            created_at=invite.created_at,
            expires_at=invite.expires_at,
            max_uses=invite.max_uses,
            uses=invite.uses,
        )


@attrs.frozen(kw_only=True)
class InviteListResponse:
    invites: tuple[InviteItem, ...]


async def create_invite(call: Call, slug: Slug, body: CreateInviteRequest) -> InviteResponse:
    """Make an invite link."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    invite, token = await call.chat.invites.create(
        workspace_id, actor=call.actor, role=body.role, expires_in=body.expires_in, max_uses=body.max_uses
    )
    return InviteResponse(
        id=invite.id,
        token=token,
        url=f"{call.client.base_url}/invite/{token}",
        role=invite.role,
        expires_at=invite.expires_at,
        max_uses=invite.max_uses,
    )


async def list_invites(call: Call, slug: Slug) -> InviteListResponse:
    """The invites that are not revoked, newest first: all for owners and admins, one's own for others."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    found = await call.chat.invites.list(workspace_id, actor=call.actor)
    return InviteListResponse(invites=tuple(InviteItem.of(invite) for invite in found))


async def revoke_invite(call: Call, invite_id: InviteId) -> None:
    """Make an invite useless; for owners, admins and who made it."""
    await call.chat.invites.revoke(invite_id, actor=call.actor)


async def accept_invite(call: Call, token: Token) -> WorkspaceResponse:
    """Join a workspace by an invite's token."""
    workspace = await call.chat.invites.accept(token, actor=call.actor)
    return await shown(call, workspace.id)


ROUTES = (
    route("POST", "/api/workspaces/:slug/invites", create_invite, needs=TokenScope.ADMIN, status=201),
    route("GET", "/api/workspaces/:slug/invites", list_invites, needs=TokenScope.ADMIN),
    route("DELETE", "/api/invites/:inviteId", revoke_invite, needs=TokenScope.ADMIN, status=204),
    route("POST", "/api/invites/:token/accept", accept_invite, needs=TokenScope.ADMIN),
)
