"""Invite links."""

import secrets
from datetime import timedelta

import attrs

from chatcore import policy
from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.ids import InviteId, UserId
from chatcore.model import Invite, Member, Role, Workspace
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import invite_steps
from chatcore.service.core import Core, UserRef, WorkspaceRef, active_user, id_of
from chatcore.service.facts import Facts

MAX_SECONDS = 365 * 24 * 3600
MAX_USES = 10_000


@attrs.frozen
class Invites:
    _core: Core

    async def create(
        self,
        workspace: WorkspaceRef,
        *,
        actor: UserRef,
        role: Role = Role.MEMBER,
        expires_in: int | None = None,
        max_uses: int | None = None,
    ) -> tuple[Invite, str]:
        """An invite and its token, which is shown this once. `expires_in` is in seconds, at most a year.

        Raises Forbidden for a role above the actor's own, and for ownership.
        """
        if expires_in is not None and not 1 <= expires_in <= MAX_SECONDS:
            raise ValidationFailed.of("expiresIn", f"must be 1 to {MAX_SECONDS} seconds")
        if max_uses is not None and not 1 <= max_uses <= MAX_USES:
            raise ValidationFailed.of("maxUses", f"must be 1 to {MAX_USES}")
        facts = await self._core.workspace(workspace, id_of(actor), Action.INVITE_CREATE)
        if role is Role.OWNER or not policy.may_grant(facts.role(id_of(actor)), role):
            raise Forbidden("An invite cannot carry a role above your own, nor ownership.")
        token = secrets.token_urlsafe(24)
        now = self._core.clock.now()
        invite = Invite(
            id=InviteId(self._core.new_id()),
            workspace_id=facts.workspace_id,
            token_hash=invite_steps.token_hash(token),
            role=role,
            created_by=id_of(actor),
            created_at=now,
            expires_at=None if expires_in is None else now + timedelta(seconds=expires_in),
            max_uses=max_uses,
        )
        invite = await self._core.hooks.filter("invite_will_send", value=invite)

        entry = self._core.audit(
            "invite.created",
            actor=id_of(actor),
            workspace=facts.workspace_id,
            target=invite.id,
            details={"role": role.value},
        )

        async def work(tx: Tx, told: Facts) -> None:
            await tx.invites.insert(invite)
            await told.record(tx, entry)

        await self._core.write(work)
        return invite, token

    async def list(self, workspace: WorkspaceRef, *, actor: UserRef) -> list[Invite]:
        """The invites of a workspace that are not revoked; staff see all, others their own."""
        facts = await self._core.workspace(workspace, id_of(actor), Action.INVITE_CREATE)
        found = await self._core.storage.read(
            lambda tx: tx.invites.find(workspace_id=facts.workspace_id, revoked_at=None, newest_first=True, limit=500)
        )
        staff = facts.role(id_of(actor)) in policy.STAFF
        return [invite for invite in found if staff or invite.created_by == id_of(actor)]

    async def revoke(self, invite: Invite | InviteId, *, actor: UserRef) -> None:
        """Make an invite useless: by staff, or by who made it. Raises NotFound."""
        row = await self._core.storage.read(lambda tx: tx.invites.get(id_of(invite)))
        if row is None:
            raise NotFound.of("invite")
        try:
            facts = await self._core.workspace(row.workspace_id, id_of(actor), Action.INVITE_CREATE)
        except (NotFound, Forbidden):
            raise NotFound.of("invite") from None
        if facts.role(id_of(actor)) not in policy.STAFF and row.created_by != id_of(actor):
            raise NotFound.of("invite")

        entry = self._core.audit("invite.revoked", actor=id_of(actor), workspace=row.workspace_id, target=row.id)

        async def work(tx: Tx, told: Facts) -> None:
            fresh = await tx.invites.get(row.id)
            if fresh is not None and fresh.revoked_at is None:
                await tx.invites.update(attrs.evolve(fresh, revoked_at=entry.created_at))
                await told.record(tx, entry)

        await self._core.write(work)

    async def accept(self, token: str, *, actor: UserRef) -> Workspace:
        """Join by an invite. A member stays what they are. Raises NotFound when it is unknown, used up or over."""
        user_id: UserId = id_of(actor)
        now = self._core.clock.now()
        invite = await self._core.storage.read(lambda tx: invite_steps.good(tx, token, now))
        member = Member(
            workspace_id=invite.workspace_id,
            user_id=user_id,
            role=invite.role,
            joined_at=now,
            invited_by=invite.created_by,
        )
        await self._core.hooks.filter("member_will_join", member=member, channel=None)

        async def work(tx: Tx, told: Facts) -> Workspace:
            await invite_steps.accept(tx, told, token, await active_user(tx, user_id), now)
            workspace = await tx.workspaces.get(invite.workspace_id)
            if workspace is None:
                raise NotFound.of("workspace")
            return workspace

        return await self._core.write(work)
