"""Workspaces."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Role, TokenScope
from chatserver.fields import ABSENT, Description, Settings, Slug, Title
from chatserver.parts import Call
from chatserver.route import ANY_TOKEN, route


@attrs.frozen(kw_only=True)
class WorkspaceItem:
    """A workspace in the list; `unreadCount` adds up the channels that the caller is in."""

    id: WorkspaceId
    name: str
    slug: str
    avatar_url: str | None = None
    role: Role
    unread_count: int


@attrs.frozen(kw_only=True)
class WorkspaceListResponse:
    workspaces: tuple[WorkspaceItem, ...]


@attrs.frozen(kw_only=True)
class CreateWorkspaceRequest:
    name: Title
    slug: Slug
    description: Description | None = None


@attrs.frozen(kw_only=True)
class UpdateWorkspaceRequest:
    """What is not named stays as it is.

    Of `settings`, which is replaced as a whole, Chatcore reads `openJoin`: whether anyone may join.
    """

    name: Title = ABSENT
    description: Description | None = ABSENT
    settings: Settings = ABSENT


@attrs.frozen(kw_only=True)
class WorkspaceResponse:
    """A workspace; `role` is the caller's."""

    id: WorkspaceId
    name: str
    slug: str
    description: str | None = None
    avatar_url: str | None = None
    settings: Mapping[str, Any]
    member_count: int
    role: Role
    created_by: UserId
    created_at: datetime
    updated_at: datetime


async def shown(call: Call, workspace_id: WorkspaceId) -> WorkspaceResponse:
    """The workspace as the caller sees it now."""
    view = await call.chat.workspaces.get(workspace_id, actor=call.actor)
    workspace = view.workspace
    return WorkspaceResponse(
        id=workspace.id,
        name=workspace.name,
        slug=workspace.slug,
        description=workspace.description,
        avatar_url=workspace.avatar_url,
        settings=workspace.settings,
        member_count=view.member_count,
        role=view.role,
        created_by=workspace.created_by,
        created_at=workspace.created_at,
        updated_at=workspace.updated_at,
    )


async def list_workspaces(call: Call) -> WorkspaceListResponse:
    """The workspaces that the caller is a member of, by name."""
    found = await call.chat.workspaces.list(actor=call.actor)
    return WorkspaceListResponse(
        workspaces=tuple(
            WorkspaceItem(
                id=summary.workspace.id,
                name=summary.workspace.name,
                slug=summary.workspace.slug,
                avatar_url=summary.workspace.avatar_url,
                role=summary.role,
                unread_count=summary.unread_count,
            )
            for summary in found
        )
    )


async def create_workspace(call: Call, body: CreateWorkspaceRequest) -> WorkspaceResponse:
    """Create a workspace with the channel `general`; the caller owns it."""
    workspace = await call.chat.workspaces.create(
        name=body.name, slug=body.slug, owner=call.actor, description=body.description, general=True
    )
    return await shown(call, workspace.id)


async def get_workspace(call: Call, slug: Slug) -> WorkspaceResponse:
    """One workspace."""
    return await shown(call, await call.chat.workspaces.resolve(slug, actor=call.actor))


async def update_workspace(call: Call, slug: Slug, body: UpdateWorkspaceRequest) -> WorkspaceResponse:
    """Change a workspace; for its owners and admins."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    await call.chat.workspaces.update(
        workspace_id,
        actor=call.actor,
        name=body.name,
        description=body.description,
        settings=body.settings,
    )
    return await shown(call, workspace_id)


async def join_workspace(call: Call, slug: Slug) -> WorkspaceResponse:
    """Join a workspace whose setting `openJoin` is true; others are joined by invite."""
    workspace = await call.chat.workspaces.join(slug, actor=call.actor)
    return await shown(call, workspace.id)


ROUTES = (
    route("GET", "/api/workspaces", list_workspaces, needs=ANY_TOKEN),
    route("POST", "/api/workspaces", create_workspace, needs=TokenScope.ADMIN, status=201, errors=(409,)),
    route("GET", "/api/workspaces/:slug", get_workspace, needs=ANY_TOKEN),
    route("PUT", "/api/workspaces/:slug", update_workspace, needs=TokenScope.ADMIN),
    route("POST", "/api/workspaces/:slug/join", join_workspace, needs=TokenScope.ADMIN),
)
