"""Accounts, sign-in and presence."""

from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import AuditEntry, Presence, User


@hookspec(kind=Kind.FILTER, value="user", changes=("first_name", "last_name", "display_name", "avatar_url"))
async def user_will_register(ctx: HookContext, user: User) -> User | None:
    """Somebody registers an account. (Accounts that the operator or the program makes are not filtered.)

    ctx: the plugin's context.
    user: the account as it would be; names and picture may be changed.
    """


@hookspec(kind=Kind.OBSERVER)
async def user_registered(ctx: HookContext, user: User) -> None:
    """An account was created.

    ctx: the plugin's context.
    user: the new account.
    """


@hookspec(kind=Kind.OBSERVER)
async def user_deactivated(ctx: HookContext, user: User) -> None:
    """An account was deactivated.

    ctx: the plugin's context.
    user: the account as it is now.
    """


@hookspec(kind=Kind.FILTER)
async def login_will_succeed(ctx: HookContext, user: User) -> None:
    """Somebody has proved who they are and is about to get a session.

    ctx: the plugin's context.
    user: who signs in.
    """


@hookspec(kind=Kind.OBSERVER)
async def user_logged_in(ctx: HookContext, user: User) -> None:
    """Somebody signed in.

    ctx: the plugin's context.
    user: who signed in.
    """


@hookspec(kind=Kind.FILTER, value="presence", changes=("status",))
async def presence_will_change(ctx: HookContext, presence: Presence) -> Presence | None:
    """Somebody says that they are online, away, or want to look offline.

    ctx: the plugin's context.
    presence: what would be shown of them; `status` may be changed.
    """


@hookspec(kind=Kind.OBSERVER)
async def presence_changed(ctx: HookContext, presence: Presence) -> None:
    """Somebody's presence changed, over all of their devices.

    ctx: the plugin's context.
    presence: what is shown of them now.
    """


@hookspec(kind=Kind.FILTER, vital=True)
async def permission_check(
    ctx: HookContext, action: str, user_id: UserId, workspace_id: WorkspaceId, channel_id: ChannelId | None
) -> None:
    """Somebody is about to do something that the roles allow. A denial wins over everything.

    Called for every decision, so it must be quick.

    ctx: the plugin's context.
    action: what they want to do, e.g. `message.send` (the names of `chatcore.policy.Action`).
    user_id: who wants to.
    workspace_id: where.
    channel_id: the channel that it is about, if it is about one.
    """


@hookspec(kind=Kind.OBSERVER)
async def audit(ctx: HookContext, entry: AuditEntry) -> None:
    """Something was written to the audit log.

    ctx: the plugin's context.
    entry: who did what.
    """
