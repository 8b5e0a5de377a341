"""Workspaces."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore import text
from chatcore.errors import Duplicate, NotFound, ValidationFailed, WorkspaceDenied
from chatcore.events import MemberJoined, WorkspaceUpdated
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Channel, ChannelType, Member, Role, Workspace
from chatcore.policy import Action
from chatcore.ports import Tx, WorkspaceSummary
from chatcore.service import membership
from chatcore.service.core import (
    KEEP,
    Core,
    Keep,
    UserRef,
    WorkspaceRef,
    active_user,
    id_of,
    member_card,
    workspace_of,
)
from chatcore.service.directory import GENERAL
from chatcore.service.facts import Facts
from chatcore.wire import encode

MAX_NAME = 200
MAX_DESCRIPTION = 1000
MAX_SETTINGS = 16 * 1024
"""Bytes of JSON."""


@attrs.frozen(kw_only=True)
class WorkspaceView:
    """A workspace as one of its members sees it."""

    workspace: Workspace
    member_count: int
    role: Role


@attrs.frozen
class Workspaces:
    _core: Core

    async def create(
        self, *, name: str, slug: str, owner: UserRef, description: str | None = None, general: bool = False
    ) -> Workspace:
        """A workspace, on request with the channel `general`.

        A channel of that name, whoever makes it and when, is the one that every member is in. Raises ValidationFailed,
        Duplicate when the slug is taken.
        """
        now = self._core.clock.now()
        workspace = Workspace(
            id=WorkspaceId(self._core.new_id()),
            name=text.clean_line(name, "name", MAX_NAME),
            slug=text.clean_slug(slug),
            description=clean_description(description),
            created_by=id_of(owner),
            created_at=now,
            updated_at=now,
        )

        channel = self._general(workspace) if general else None
        entry = self._core.audit(
            "workspace.created", actor=workspace.created_by, workspace=workspace.id, target=workspace.id
        )

        async def work(tx: Tx, told: Facts) -> None:
            user = await active_user(tx, workspace.created_by)
            try:
                await tx.workspaces.insert(workspace)
            except Duplicate:
                raise Duplicate("This slug is taken: choose another.") from None
            member = Member(workspace_id=workspace.id, user_id=user.id, role=Role.OWNER, joined_at=now)
            await tx.members.insert(member)
            await tx.events.append(MemberJoined(workspace_id=workspace.id, member=member_card(user, member)))
            told.did("member_joined", member=member, channel=None)
            if channel is not None:
                await membership.new_channel(tx, told, channel, (user.id,), now)
            await told.record(tx, entry)

        await self._core.write(work)
        return workspace

    def _general(self, workspace: Workspace) -> Channel:
        return Channel(
            id=ChannelId(self._core.new_id()),
            workspace_id=workspace.id,
            name=GENERAL,
            type=ChannelType.PUBLIC,
            description="Everyone in the workspace",
            created_by=workspace.created_by,
            created_at=workspace.created_at,
            updated_at=workspace.created_at,
        )

    async def resolve(self, slug: str, *, actor: UserRef) -> WorkspaceId:
        """The id of a workspace that the actor is a member of. Raises NotFound."""
        workspace = await self._core.storage.read(lambda tx: workspace_of(tx, slug))
        if workspace is None:
            raise NotFound.of("workspace")
        await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)
        return workspace.id

    async def get(self, workspace: WorkspaceRef, *, actor: UserRef) -> WorkspaceView:
        """A workspace that the actor is a member of. Raises NotFound."""
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)

        async def work(tx: Tx) -> tuple[Workspace | None, int]:
            return await tx.workspaces.get(facts.workspace_id), await tx.members.count(facts.workspace_id)

        found, count = await self._core.storage.read(work)
        role = facts.role(id_of(actor))
        if found is None or role is None:
            raise NotFound.of("workspace")
        return WorkspaceView(workspace=found, member_count=count, role=role)

    async def all(self) -> list[Workspace]:
        """Every workspace; for operators."""
        return await self._core.storage.read(lambda tx: tx.workspaces.find())

    async def list(self, *, actor: UserRef) -> list[WorkspaceSummary]:
        """The workspaces of the actor, with their unread counts."""
        return await self._core.storage.read(lambda tx: tx.workspaces.of_user(id_of(actor)))

    async def by_slug(self, slug: str) -> Workspace:
        """Any workspace; for operators. Raises NotFound."""
        found = await self._core.storage.read(lambda tx: workspace_of(tx, slug))
        if found is None:
            raise NotFound.of("workspace")
        return found

    async def update(
        self,
        workspace: WorkspaceRef,
        *,
        actor: UserRef,
        name: str | Keep = KEEP,
        description: str | Keep | None = KEEP,
        settings: Mapping[str, Any] | Keep = KEEP,
    ) -> Workspace:
        """Change a workspace; by owners and admins."""
        changes: dict[str, Any] = {}
        if not isinstance(name, Keep):
            changes["name"] = text.clean_line(name, "name", MAX_NAME)
        if not isinstance(description, Keep):
            changes["description"] = clean_description(description)
        if not isinstance(settings, Keep):
            changes["settings"] = clean_settings(settings)
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_UPDATE)
        entry = self._core.audit(
            "workspace.updated",
            actor=id_of(actor),
            workspace=facts.workspace_id,
            target=facts.workspace_id,
            details={"fields": sorted(changes)},
        )

        async def work(tx: Tx, told: Facts) -> Workspace:
            old = await tx.workspaces.get(facts.workspace_id)
            if old is None:
                raise NotFound.of("workspace")
            new = attrs.evolve(old, **changes, updated_at=entry.created_at)
            await tx.workspaces.update(new)
            await tx.events.append(WorkspaceUpdated(workspace_id=new.id, workspace=new))
            await told.record(tx, entry)
            return new

        return await self._core.write(work)

    async def join(self, slug: str, *, actor: UserRef) -> Workspace:
        """Join a workspace whose setting `openJoin` is true.

        Raises WorkspaceDenied, also when there is none of this slug.
        """
        user_id: UserId = id_of(actor)
        now = self._core.clock.now()

        async def door(tx: Tx) -> tuple[Workspace, Member | None]:
            workspace = await workspace_of(tx, slug)
            member = None if workspace is None else await tx.members.get(workspace.id, user_id)
            if workspace is None or (member is None and workspace.settings.get("openJoin") is not True):
                raise WorkspaceDenied("That workspace is not open: ask a member for an invite link.")
            return workspace, member

        workspace, present = await self._core.storage.read(door)
        if present is not None:
            return workspace
        member = Member(workspace_id=workspace.id, user_id=user_id, role=Role.MEMBER, joined_at=now)
        await self._core.hooks.filter("member_will_join", member=member, channel=None)

        async def work(tx: Tx, told: Facts) -> None:
            await door(tx)
            user = await active_user(tx, user_id)
            await membership.join_workspace(tx, told, workspace.id, user, Role.MEMBER, now)

        await self._core.write(work)
        return workspace


def clean_description(description: str | None) -> str | None:
    """A description of several lines. Raises ValidationFailed."""
    if description is None or not description.strip():
        return None
    if len(description) > MAX_DESCRIPTION:
        raise ValidationFailed.of("description", f"must be at most {MAX_DESCRIPTION} characters")
    return text.clean_content(description)


def clean_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Free JSON, within bounds. Raises ValidationFailed."""
    try:
        size = len(encode(dict(settings)))
    except (TypeError, ValueError):
        raise ValidationFailed.of("settings", "must be plain JSON") from None
    if size > MAX_SETTINGS:
        raise ValidationFailed.of("settings", f"must be at most {MAX_SETTINGS} bytes of JSON")
    if "openJoin" in settings and not isinstance(settings["openJoin"], bool):
        raise ValidationFailed.of("settings.openJoin", "must be true or false")
    return dict(settings)
