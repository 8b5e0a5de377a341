"""Members of a workspace."""

import attrs

from chatcore.ids import UserId
from chatcore.model import MemberCard, Presence, Role, TokenScope
from chatserver.fields import PageSize, Slug
from chatserver.parts import Call
from chatserver.route import route


@attrs.frozen(kw_only=True)
class MemberListRequest:
    """`after` is the `nextCursor` of the page before."""

    limit: PageSize = 50
    after: UserId | None = None


@attrs.frozen(kw_only=True)
class MemberListResponse:
    """Members by their user id."""

    members: tuple[MemberCard, ...]
    has_more: bool
    next_cursor: UserId | None = None


@attrs.frozen(kw_only=True)
class UpdateMemberRequest:
    role: Role


@attrs.frozen(kw_only=True)
class PresenceListResponse:
    presence: tuple[Presence, ...]


async def list_members(call: Call, slug: Slug, query: MemberListRequest) -> MemberListResponse:
    """The members of a workspace."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    found = await call.chat.members.list(workspace_id, actor=call.actor, after=query.after, limit=query.limit)
    # A full page may be the last one: only a look behind it tells.
    more = len(found) == query.limit and bool(
        await call.chat.members.list(workspace_id, actor=call.actor, after=found[-1].user_id, limit=1)
    )
    return MemberListResponse(members=tuple(found), has_more=more, next_cursor=found[-1].user_id if more else None)


async def update_member(call: Call, slug: Slug, user_id: UserId, body: UpdateMemberRequest) -> MemberCard:
    """Change a member's role; for owners and admins."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    return await call.chat.members.set_role(workspace_id, user_id, body.role, actor=call.actor)


async def remove_member(call: Call, slug: Slug, user_id: UserId) -> None:
    """Remove a member, or leave the workspace oneself."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    await call.chat.members.remove(workspace_id, user_id, actor=call.actor)


async def list_presence(call: Call, slug: Slug) -> PresenceListResponse:
    """Who is there: the presence of every member."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    return PresenceListResponse(presence=tuple(await call.chat.presence.list(workspace_id, actor=call.actor)))


ROUTES = (
    route("GET", "/api/workspaces/:slug/members", list_members, needs=TokenScope.MEMBERS_READ),
    route("PATCH", "/api/workspaces/:slug/members/:userId", update_member, needs=TokenScope.ADMIN),
    route("DELETE", "/api/workspaces/:slug/members/:userId", remove_member, needs=TokenScope.ADMIN, status=204),
    route("GET", "/api/workspaces/:slug/presence", list_presence, needs=TokenScope.MEMBERS_READ),
)
