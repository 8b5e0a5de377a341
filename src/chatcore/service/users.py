"""Accounts."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import trio

from chatcore import text
from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed, WorkspaceDenied
from chatcore.events import MemberUpdated
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Credential, Member, Role, User, Workspace, card_of
from chatcore.ports import Authenticator, Tx
from chatcore.service import huddle_steps, invite_steps, membership
from chatcore.service.core import KEEP, Core, Keep, UserRef, active_user, id_of, member_card, workspace_of
from chatcore.service.facts import Facts
from chatcore.service.sessions import Sessions

MAX_NAME = 100
MAX_DISPLAY_NAME = 200
MAX_URL = 500


@attrs.frozen
class Users:
    """Accounts of the whole installation; what they may see is decided by their memberships."""

    _core: Core
    _authenticators: Sequence[Authenticator]
    _sessions: Sessions

    async def create(
        self,
        *,
        email: str,
        display_name: str | None = None,
        first_name: str = "",
        last_name: str = "",
        password: str | None = None,
        is_bot: bool = False,
    ) -> User:
        """An account, made by the program or the operator.

        Raises ValidationFailed, Duplicate when the e-mail is taken.
        """
        user = self._new(email, display_name, first_name, last_name, is_bot)
        credential = await self._credential(user, password)

        async def work(tx: Tx, told: Facts) -> None:
            await _insert(tx, told, user, credential)

        await self._core.write(work)
        return user

    async def register(
        self,
        *,
        email: str,
        password: str,
        first_name: str,
        last_name: str,
        workspace_slug: str | None = None,
        invite_token: str | None = None,
    ) -> User:
        """An account, made by the person, who joins the workspace of the slug (if it is open) or of the invite.

        Raises Forbidden when registration is closed (or needs an invite), WorkspaceDenied when the workspace is not
        open or not there, NotFound for a bad invite; then nothing was made.
        """
        self._check_open(invite_token)
        user = self._new(email, None, first_name, last_name, False)
        user = await self._core.hooks.filter("user_will_register", value=user)
        await self._ask_to_join(user, workspace_slug, invite_token)
        credential = await self._credential(user, password)
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            await _insert(tx, told, user, credential)
            if invite_token is not None:
                await invite_steps.accept(tx, told, invite_token, user, now)
            if workspace_slug is not None:
                workspace = await _open_workspace(tx, workspace_slug)
                await membership.join_workspace(tx, told, workspace.id, user, Role.MEMBER, now)

        await self._core.write(work)
        return user

    async def _ask_to_join(self, user: User, slug: str | None, token: str | None) -> None:
        """Ask plugins about the memberships that come with the account. Raises as `register`."""
        if slug is None and token is None:
            return
        now = self._core.clock.now()

        async def look(tx: Tx) -> list[Member]:
            wanted: list[tuple[WorkspaceId, Role, UserId | None]] = []
            if token is not None:
                invite = await invite_steps.good(tx, token, now)
                wanted.append((invite.workspace_id, invite.role, invite.created_by))
            if slug is not None:
                wanted.append(((await _open_workspace(tx, slug)).id, Role.MEMBER, None))
            return [
                Member(workspace_id=where, user_id=user.id, role=role, joined_at=now, invited_by=by)
                for where, role, by in wanted
            ]

        for member in await self._core.storage.read(look):
            await self._core.hooks.filter("member_will_join", member=member, channel=None)

    def _check_open(self, invite_token: str | None) -> None:
        mode = self._core.config.registration
        if mode == "closed":
            raise Forbidden("Registration is closed: ask the operator for an account.")
        if mode == "invite" and invite_token is None:
            raise Forbidden("Registration needs an invite: open the invite link that you were sent.")

    async def get(self, user: UserRef) -> User:
        """An account by its id. Raises NotFound."""
        found = await self._core.storage.read(lambda tx: tx.users.get(id_of(user)))
        if found is None:
            raise NotFound.of("user")
        return found

    async def by_email(self, email: str) -> User:
        """An account by its e-mail, in any spelling. Raises NotFound."""
        wanted = text.normalise_email(email)
        found = await self._core.storage.read(lambda tx: tx.users.find(email=wanted))
        if not found:
            raise NotFound.of("user")
        return found[0]

    async def list(self) -> list[User]:
        """Every account, oldest first; for operators."""
        return await self._core.storage.read(lambda tx: tx.users.find())

    async def update(
        self,
        user: UserRef,
        *,
        actor: UserRef,
        first_name: str | Keep = KEEP,
        last_name: str | Keep = KEEP,
        display_name: str | Keep = KEEP,
        avatar_url: str | Keep | None = KEEP,
    ) -> User:
        """Change one's own profile. Raises NotFound for somebody else's, ValidationFailed."""
        user_id: UserId = id_of(user)
        if id_of(actor) != user_id:
            raise NotFound.of("user")
        changes: dict[str, Any] = {}
        if not isinstance(first_name, Keep):
            changes["first_name"] = text.clean_line(first_name, "firstName", MAX_NAME)
        if not isinstance(last_name, Keep):
            changes["last_name"] = text.clean_line(last_name, "lastName", MAX_NAME)
        if not isinstance(display_name, Keep):
            changes["display_name"] = text.clean_line(display_name, "displayName", MAX_DISPLAY_NAME)
        if not isinstance(avatar_url, Keep):
            changes["avatar_url"] = None if avatar_url is None else clean_url(avatar_url, "avatarUrl")
        return await self._change(user_id, changes)

    async def deactivate(self, user: UserRef, *, actor: UserRef | None = None) -> User:
        """Close an account: it can do nothing any more, its messages stay; doing it again changes nothing.

        By the operator, or (actor) by its owner.
        """
        user_id: UserId = id_of(user)
        if actor is not None and id_of(actor) != user_id:
            raise NotFound.of("user")
        changed = await self._set_active(user_id, False, actor)
        with trio.CancelScope(shield=True):  # once closed, an account must not stay signed in
            await self._sessions.revoke_all(user_id)
        return changed

    async def reactivate(self, user: UserRef) -> User:
        """Bring a closed account back, with its memberships; by the operator."""
        return await self._set_active(id_of(user), True, None)

    async def _change(self, user_id: UserId, changes: Mapping[str, Any]) -> User:
        now = self._core.clock.now()

        async def work(tx: Tx) -> User:
            old = await active_user(tx, user_id)
            new = attrs.evolve(old, **changes, updated_at=now)
            await tx.users.update(new)
            if card_of(new) != card_of(old):
                await _tell(tx, new)
            return new

        changed = await self._core.storage.write(work)
        self._core.cards.forget(user_id)
        return changed

    async def _set_active(self, user_id: UserId, active: bool, actor: UserRef | None) -> User:
        now = self._core.clock.now()
        entry = self._core.audit(
            "user.reactivated" if active else "user.deactivated",
            actor=None if actor is None else id_of(actor),
            target=user_id,
        )

        async def work(tx: Tx, told: Facts) -> User:
            old = await tx.users.get(user_id)
            if old is None:
                raise NotFound.of("user")
            if (old.deactivated_at is None) is active:
                return old
            new = attrs.evolve(old, deactivated_at=None if active else now, updated_at=now)
            await tx.users.update(new)
            if not active:
                for summary in await tx.workspaces.of_user(user_id):
                    await huddle_steps.leave_all(tx, told, summary.workspace.id, user_id, now)
            await _tell(tx, new)
            if not active:
                told.did("user_deactivated", user=new)
            await told.record(tx, entry)
            return new

        return await self._core.write(work)

    def _new(self, email: str, display_name: str | None, first_name: str, last_name: str, is_bot: bool) -> User:
        first = text.clean_line(first_name, "firstName", MAX_NAME) if first_name else ""
        last = text.clean_line(last_name, "lastName", MAX_NAME) if last_name else ""
        email = text.normalise_email(email)
        shown = display_name or f"{first} {last}".strip() or email.partition("@")[0]
        now = self._core.clock.now()
        return User(
            id=UserId(self._core.new_id()),
            email=email,
            first_name=first,
            last_name=last,
            display_name=text.clean_line(shown, "displayName", MAX_DISPLAY_NAME),
            is_bot=is_bot,
            created_at=now,
            updated_at=now,
        )

    async def _credential(self, user: User, password: str | None) -> Credential | None:
        if password is None:
            return None
        if not self._authenticators:
            raise ValidationFailed.of("password", "no auth plugin is configured that keeps passwords")
        return await self._authenticators[0].seal(user.id, password)


async def _tell(tx: Tx, user: User) -> None:
    """Tell the workspaces of the user how they look now."""
    for summary in await tx.workspaces.of_user(user.id):
        member = await tx.members.get(summary.workspace.id, user.id)
        if member is not None:
            await tx.events.append(MemberUpdated(workspace_id=summary.workspace.id, member=member_card(user, member)))


async def _open_workspace(tx: Tx, slug: str) -> Workspace:
    workspace = await workspace_of(tx, slug)
    if workspace is None or workspace.settings.get("openJoin") is not True:
        raise WorkspaceDenied("That workspace is not open: ask a member for an invite link.")
    return workspace


async def _insert(tx: Tx, told: Facts, user: User, credential: Credential | None) -> None:
    try:
        await tx.users.insert(user)
    except Duplicate:
        raise Duplicate("There is an account with this e-mail: sign in, or use another.") from None
    if credential is not None:
        await tx.credentials.insert(credential)
    told.did("user_registered", user=user)


def clean_url(url: str, field: str) -> str:
    """A web address that a browser may load. Raises ValidationFailed."""
    cleaned = text.clean_line(url, field, MAX_URL)
    if not cleaned.startswith(("https://", "http://", "/api/files/")):
        raise ValidationFailed.of(field, "must be an http(s) address")
    return cleaned
