"""Channels, who is in them, and who is in the workspace."""

from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Channel, Invite, Member


@hookspec(kind=Kind.FILTER, value="channel", changes=("name", "description", "settings"))
async def channel_will_create(ctx: HookContext, channel: Channel) -> Channel | None:
    """Somebody creates a channel. (Opening a direct message is `permission_check` with `direct.open`.)

    ctx: the plugin's context.
    channel: the channel as it would be; `name`, `description` and `settings` may be changed.
    """


@hookspec(kind=Kind.OBSERVER)
async def channel_created(ctx: HookContext, channel: Channel) -> None:
    """A channel was created.

    ctx: the plugin's context.
    channel: the new channel.
    """


@hookspec(kind=Kind.FILTER, value="channel", changes=("name", "description", "settings"))
async def channel_will_update(ctx: HookContext, channel: Channel, before: Channel, user_id: UserId) -> Channel | None:
    """Somebody changes a channel's name, description, type or settings, or takes it out of the archive.

    ctx: the plugin's context.
    channel: the channel as it would be; `name`, `description` and `settings` may be changed.
    before: the channel as it is stored now.
    user_id: who changes it.
    """


@hookspec(kind=Kind.OBSERVER)
async def channel_updated(ctx: HookContext, channel: Channel, user_id: UserId) -> None:
    """A channel was changed, or taken out of the archive.

    ctx: the plugin's context.
    channel: the channel as it is now.
    user_id: who changed it.
    """


@hookspec(kind=Kind.OBSERVER)
async def channel_archived(ctx: HookContext, channel: Channel, user_id: UserId) -> None:
    """A channel was archived.

    ctx: the plugin's context.
    channel: the channel as it is now.
    user_id: who archived it.
    """


@hookspec(kind=Kind.FILTER)
async def member_will_join(ctx: HookContext, member: Member, channel: Channel | None) -> None:
    """Somebody joins the workspace or one channel, by themselves or added by another.

    ctx: the plugin's context.
    member: the membership in the workspace.
    channel: the channel that they join; None when it is the workspace.
    """


@hookspec(kind=Kind.OBSERVER)
async def member_joined(ctx: HookContext, member: Member, channel: Channel | None) -> None:
    """Somebody joined.

    ctx: the plugin's context.
    member: the membership in the workspace.
    channel: the channel that they joined; None when it was the workspace.
    """


@hookspec(kind=Kind.OBSERVER)
async def member_left(
    ctx: HookContext, workspace_id: WorkspaceId, user_id: UserId, channel_id: ChannelId | None
) -> None:
    """Somebody left, or was removed.

    ctx: the plugin's context.
    workspace_id: the workspace.
    user_id: who is gone.
    channel_id: the channel that they left; None when it was the workspace, and with it all its channels.
    """


@hookspec(kind=Kind.FILTER, value="invite", changes=("expires_at", "max_uses"))
async def invite_will_send(ctx: HookContext, invite: Invite) -> Invite | None:
    """Somebody makes an invitation.

    ctx: the plugin's context.
    invite: the invitation; `expires_at` and `max_uses` may be changed.
    """
