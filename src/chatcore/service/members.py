"""Members of a workspace and their roles."""

import attrs

from chatcore import policy
from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import MemberUpdated
from chatcore.ids import UserId, WorkspaceId, is_id
from chatcore.model import Member, MemberCard, Role
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service import membership
from chatcore.service.core import Core, UserRef, WorkspaceRef, active_user, id_of, member_card
from chatcore.service.facts import Facts

MAX_PAGE = 100


@attrs.frozen
class Members:
    _core: Core

    async def list(
        self, workspace: WorkspaceRef, *, actor: UserRef, after: UserId | None = None, limit: int = MAX_PAGE
    ) -> list[MemberCard]:
        """The members of a workspace by user id, after that one."""
        if not 1 <= limit <= MAX_PAGE:
            raise ValidationFailed.of("limit", f"must be 1 to {MAX_PAGE}")
        if after is not None and not is_id(after):
            raise ValidationFailed.of("after", "must be the id of a user")
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)
        return await self._core.storage.read(lambda tx: tx.members.cards(facts.workspace_id, after=after, limit=limit))

    async def add(
        self, workspace: WorkspaceRef, user: UserRef, *, role: Role = Role.MEMBER, actor: UserRef | None = None
    ) -> MemberCard:
        """Make somebody a member: by the program or the operator (no actor), or by an owner or admin."""
        workspace_id: WorkspaceId = id_of(workspace)
        if actor is not None:
            facts = await self._core.workspace(workspace, id_of(actor), Action.MEMBER_MANAGE)
            if not policy.may_grant(facts.role(id_of(actor)), role):
                raise Forbidden("You cannot give a role above your own.")
        member = Member(
            workspace_id=workspace_id,
            user_id=id_of(user),
            role=role,
            joined_at=self._core.clock.now(),
            invited_by=None if actor is None else id_of(actor),
        )
        await self._core.hooks.filter("member_will_join", member=member, channel=None)

        async def work(tx: Tx, told: Facts) -> MemberCard:
            if await tx.workspaces.get(workspace_id) is None:
                raise NotFound.of("workspace")
            person = await active_user(tx, member.user_id)
            await membership.join_workspace(tx, told, workspace_id, person, role, member.joined_at, member.invited_by)
            return member_card(*await membership.existing_member(tx, workspace_id, person.id))

        return await self._core.write(work)

    async def set_role(self, workspace: WorkspaceRef, user: UserRef, role: Role, *, actor: UserRef) -> MemberCard:
        """Change a member's role.

        Owners may all; admins may not touch owners, nor make any. The last owner stays one.
        """
        facts = await self._core.workspace(workspace, id_of(actor), Action.MEMBER_MANAGE)
        actor_role = facts.role(id_of(actor))
        entry = self._core.audit(
            "member.role_changed", actor=id_of(actor), workspace=facts.workspace_id, target=id_of(user)
        )

        async def work(tx: Tx, told: Facts) -> MemberCard:
            person, member = await membership.existing_member(tx, facts.workspace_id, id_of(user))
            if not (policy.may_manage(actor_role, member.role) and policy.may_grant(actor_role, role)):
                raise Forbidden("Only an owner can change an owner, or make one.")
            if member.role is role:
                return member_card(person, member)
            await _keep_an_owner(tx, member)
            changed = attrs.evolve(member, role=role)
            await tx.members.update(changed)
            card = member_card(person, changed)
            await tx.events.append(MemberUpdated(workspace_id=facts.workspace_id, member=card))
            details = {"from": member.role.value, "to": role.value}
            await told.record(tx, attrs.evolve(entry, details=details))
            return card

        return await self._core.write(work)

    async def remove(self, workspace: WorkspaceRef, user: UserRef, *, actor: UserRef) -> None:
        """Remove a member, or leave oneself. The last owner cannot go."""
        user_id: UserId = id_of(user)
        action = Action.WORKSPACE_VIEW if id_of(actor) == user_id else Action.MEMBER_MANAGE
        facts = await self._core.workspace(workspace, id_of(actor), action)
        entry = self._core.audit("member.removed", actor=id_of(actor), workspace=facts.workspace_id, target=user_id)

        async def work(tx: Tx, told: Facts) -> None:
            _, member = await membership.existing_member(tx, facts.workspace_id, user_id)
            if action is Action.MEMBER_MANAGE and not policy.may_manage(facts.role(id_of(actor)), member.role):
                raise Forbidden("Only an owner can remove an owner.")
            await _keep_an_owner(tx, member)
            await membership.leave_workspace(tx, told, facts.workspace_id, user_id, entry.created_at)
            await told.record(tx, entry)

        await self._core.write(work)


async def _keep_an_owner(tx: Tx, member: Member) -> None:
    if member.role is not Role.OWNER:
        return
    for other in await tx.members.find(workspace_id=member.workspace_id, role=Role.OWNER):
        user = await tx.users.get(other.user_id)
        if user is not None and user.id != member.user_id and user.deactivated_at is None:
            return
    raise Forbidden("A workspace needs an owner: make somebody else one first.")
