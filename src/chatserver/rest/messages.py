"""Messages, threads, reactions and search."""

from typing import Annotated

import attrs

from chatcore.errors import ValidationFailed
from chatcore.ids import AttachmentId, ChannelId, MessageId, UserId
from chatcore.model import EmojiPreset, Message, MessagePage, TokenScope
from chatserver.fields import Content, Emoji, Items, PageSize, Slug, TempId, Text, Whole
from chatserver.parts import Call
from chatserver.route import ANY_TOKEN, route

FileName = Annotated[str, Text(1, 255)]
MediaType = Annotated[str, Text(1, 100)]
AttachmentIds = Annotated[tuple[AttachmentId, ...], Items(0, 10)]
SearchText = Annotated[str, Text(1, 200)]


@attrs.frozen(kw_only=True)
class MessageListRequest:
    """`before` and `after` are message ids: page in one direction at a time."""

    limit: PageSize = 50
    before: MessageId | None = None
    after: MessageId | None = None


@attrs.frozen(kw_only=True)
class InlineAttachment:
    """A file inside the message that carries it; `data` is base64, `size` is in bytes."""

    filename: FileName
    mime_type: MediaType
    size: Annotated[int, Whole(0, 50 * 1024 * 1024)]
    data: str


@attrs.frozen(kw_only=True)
class SendMessageRequest:
    """`threadId` makes it a reply. A `tempId` sent again within 24 h to the same channel returns the first message."""

    content: Content
    thread_id: MessageId | None = None
    temp_id: TempId | None = None
    attachment_ids: AttachmentIds = ()
    attachments: Annotated[tuple[InlineAttachment, ...], Items(0, 10)] = ()


@attrs.frozen(kw_only=True)
class EditMessageRequest:
    content: Content


@attrs.frozen(kw_only=True)
class AddReactionRequest:
    emoji: Emoji


@attrs.frozen(kw_only=True)
class SearchRequest:
    """Words are joined by AND, quotes make phrases; `from` is an author's id."""

    q: SearchText
    channel_id: ChannelId | None = None
    from_: UserId | None = None
    before: MessageId | None = None
    after: MessageId | None = None
    limit: PageSize = 50


@attrs.frozen(kw_only=True)
class SearchResponse:
    results: tuple[Message, ...]
    has_more: bool
    next_cursor: MessageId | None = None


@attrs.frozen(kw_only=True)
class EmojiPresetResponse:
    presets: tuple[EmojiPreset, ...]


async def list_messages(call: Call, channel_id: ChannelId, query: MessageListRequest) -> MessagePage:
    """The messages of a channel, newest first; with `after` those that follow it, oldest first.

    Replies are listed by their thread.
    """
    return await call.chat.messages.history(
        channel_id, actor=call.actor, before=query.before, after=query.after, limit=query.limit
    )


async def send_message(call: Call, channel_id: ChannelId, body: SendMessageRequest) -> Message:
    """Send a message. When this answers, the message is durable."""
    if body.attachments:
        raise ValidationFailed.of("attachments", "this server takes no files inside messages: leave it out")
    return await call.chat.messages.send(
        channel_id,
        author=call.actor,
        content=body.content,
        thread_id=body.thread_id,
        temp_id=body.temp_id,
        attachment_ids=body.attachment_ids,
    )


async def get_message(call: Call, message_id: MessageId) -> Message:
    """One message."""
    return await call.chat.messages.get(message_id, actor=call.actor)


async def edit_message(call: Call, message_id: MessageId, body: EditMessageRequest) -> Message:
    """Change the text of one's own message."""
    return await call.chat.messages.edit(message_id, actor=call.actor, content=body.content)


async def delete_message(call: Call, message_id: MessageId) -> None:
    """Delete a message: one's own, or any for owners and admins. A thread's first message takes its replies with it."""
    await call.chat.messages.delete(message_id, actor=call.actor)


async def list_thread(call: Call, message_id: MessageId, query: MessageListRequest) -> MessagePage:
    """The replies to a message, oldest first; with `before` those before it, newest first."""
    return await call.chat.messages.thread(
        message_id, actor=call.actor, before=query.before, after=query.after, limit=query.limit
    )


async def add_reaction(call: Call, message_id: MessageId, body: AddReactionRequest) -> Message:
    """React to a message; answers the message. Doing it again changes nothing."""
    return await call.chat.reactions.add(message_id, body.emoji, actor=call.actor)


async def remove_reaction(call: Call, message_id: MessageId, emoji: Emoji) -> None:
    """Take one's reaction back; without one this changes nothing."""
    await call.chat.reactions.remove(message_id, emoji, actor=call.actor)


async def search_messages(call: Call, slug: Slug, query: SearchRequest) -> SearchResponse:
    """Full-text search over what the caller may read, newest first; replies too."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    page = await call.chat.search.find(
        workspace_id,
        query.q,
        actor=call.actor,
        channel=query.channel_id,
        author=query.from_,
        before=query.before,
        after=query.after,
        limit=query.limit,
    )
    return SearchResponse(results=page.messages, has_more=page.has_more, next_cursor=page.next_cursor)


async def list_emoji_presets(call: Call) -> EmojiPresetResponse:
    """The emoji that a client offers first."""
    return EmojiPresetResponse(presets=tuple(await call.chat.reactions.presets()))


READ = TokenScope.MESSAGES_READ
WRITE = TokenScope.MESSAGES_WRITE
REACT = TokenScope.REACTIONS_WRITE

ROUTES = (
    route("GET", "/api/channels/:channelId/messages", list_messages, needs=READ),
    route(
        "POST",
        "/api/channels/:channelId/messages",
        send_message,
        needs=WRITE,
        status=201,
        rate="messages",
        errors=(422,),
    ),
    route("GET", "/api/messages/:messageId", get_message, needs=READ),
    route("PUT", "/api/messages/:messageId", edit_message, needs=WRITE, errors=(422,)),
    route("DELETE", "/api/messages/:messageId", delete_message, needs=WRITE, status=204, errors=(422,)),
    route("GET", "/api/messages/:messageId/thread", list_thread, needs=READ),
    route("POST", "/api/messages/:messageId/reactions", add_reaction, needs=(REACT, READ), status=201, errors=(422,)),
    route("DELETE", "/api/messages/:messageId/reactions/:emoji", remove_reaction, needs=REACT, status=204),
    route("GET", "/api/workspaces/:slug/search", search_messages, needs=READ),
    route("GET", "/api/emoji-presets", list_emoji_presets, needs=ANY_TOKEN),
)
