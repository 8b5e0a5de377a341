"""Messages, reactions and read markers."""

from contextlib import AbstractAsyncContextManager

from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Draft, Message, Reaction, ReadState


@hookspec(kind=Kind.FILTER, value="draft", changes=("content",))
async def message_will_send(ctx: HookContext, draft: Draft) -> Draft | None:
    """Somebody sends a message: it is checked and permitted, and not stored yet.

    ctx: the plugin's context.
    draft: the message on its way in; return it with another `content` to change it.
    """


@hookspec(kind=Kind.AROUND)
def around_message_send(ctx: HookContext, draft: Draft) -> AbstractAsyncContextManager[None]:
    """Around the storing of a message, after the filters and up to its commit: to time it, or hold something meanwhile.

    ctx: the plugin's context.
    draft: the message as the filters left it.
    """
    raise NotImplementedError


@hookspec(kind=Kind.OBSERVER)
async def message_sent(ctx: HookContext, message: Message, workspace_id: WorkspaceId) -> None:
    """A message was sent.

    ctx: the plugin's context.
    message: the message as stored, with its `seq`.
    workspace_id: the workspace of its channel.
    """


@hookspec(kind=Kind.FILTER, value="message", changes=("content",))
async def message_will_edit(ctx: HookContext, message: Message, before: Message, user_id: UserId) -> Message | None:
    """Somebody edits a message.

    ctx: the plugin's context.
    message: the message with its new text; return it with another `content` to change that.
    before: the message as it is stored now.
    user_id: who edits it.
    """


@hookspec(kind=Kind.OBSERVER)
async def message_edited(ctx: HookContext, message: Message, workspace_id: WorkspaceId) -> None:
    """A message was edited.

    ctx: the plugin's context.
    message: the message as it is now.
    workspace_id: the workspace of its channel.
    """


@hookspec(kind=Kind.FILTER)
async def message_will_delete(ctx: HookContext, message: Message, user_id: UserId) -> None:
    """Somebody deletes a message.

    ctx: the plugin's context.
    message: the message that would go; with a thread's first message its replies go too.
    user_id: who deletes it.
    """


@hookspec(kind=Kind.OBSERVER)
async def message_deleted(ctx: HookContext, message: Message, workspace_id: WorkspaceId, user_id: UserId) -> None:
    """A message was deleted.

    ctx: the plugin's context.
    message: the message as it was.
    workspace_id: the workspace of its channel.
    user_id: who deleted it.
    """


@hookspec(kind=Kind.FILTER, value="messages", changes=("content",))
async def messages_will_deliver(
    ctx: HookContext, messages: tuple[Message, ...], user_id: UserId
) -> tuple[Message, ...] | None:
    """Stored messages are about to be handed to one reader who asked (history, thread, search): once per request.

    Events are not filtered: they are encoded once for everyone. What nobody may see must be changed before that.

    ctx: the plugin's context.
    messages: what was asked for; return as many, in the same order, with another `content` where it should differ.
    user_id: who reads them.
    """


@hookspec(kind=Kind.FILTER)
async def reaction_will_add(ctx: HookContext, reaction: Reaction, message: Message) -> None:
    """Somebody reacts to a message.

    ctx: the plugin's context.
    reaction: who reacts, and with which emoji.
    message: what they react to.
    """


@hookspec(kind=Kind.OBSERVER)
async def reaction_added(ctx: HookContext, reaction: Reaction, channel_id: ChannelId) -> None:
    """A reaction was added.

    ctx: the plugin's context.
    reaction: who reacted, to which message, and with which emoji.
    channel_id: the channel of the message.
    """


@hookspec(kind=Kind.OBSERVER)
async def reaction_removed(ctx: HookContext, reaction: Reaction, channel_id: ChannelId) -> None:
    """A reaction was taken back.

    ctx: the plugin's context.
    reaction: the reaction that is gone.
    channel_id: the channel of the message.
    """


@hookspec(kind=Kind.OBSERVER)
async def read_moved(ctx: HookContext, read: ReadState) -> None:
    """Somebody's read marker moved because they marked a message as read (not because they sent one).

    ctx: the plugin's context.
    read: the marker, and what is unread after it.
    """
