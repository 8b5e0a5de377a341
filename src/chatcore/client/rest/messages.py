"""Messages, threads, reactions and search."""

from collections.abc import Sequence
from uuid import uuid4

import attrs

from chatcore.client.answers import Found, PresetList
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.client.rest.paging import Pages
from chatcore.ids import AttachmentId, ChannelId, MessageId, UserId
from chatcore.model import EmojiPreset, Message, MessagePage

LIST = Endpoint("GET", "/api/channels/:channelId/messages", MessagePage)
SEND = Endpoint("POST", "/api/channels/:channelId/messages", Message, again=True)
GET = Endpoint("GET", "/api/messages/:messageId", Message)
EDIT = Endpoint("PUT", "/api/messages/:messageId", Message)
DELETE = Endpoint("DELETE", "/api/messages/:messageId", type(None))
THREAD = Endpoint("GET", "/api/messages/:messageId/thread", MessagePage)
REACT = Endpoint("POST", "/api/messages/:messageId/reactions", Message, again=True)
UNREACT = Endpoint("DELETE", "/api/messages/:messageId/reactions/:emoji", type(None))
SEARCH = Endpoint("GET", "/api/workspaces/:slug/search", Found)
PRESETS = Endpoint("GET", "/api/emoji-presets", PresetList)


@attrs.frozen
class Messages:
    """`client.messages`."""

    _api: Api

    async def history(
        self,
        channel_id: ChannelId,
        *,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """Up to `limit` (1 to 100) messages, newest first; with `after` those that follow it, oldest first."""
        query = fields(before=before, after=after, limit=limit)
        return await self._api.call(LIST, query=query, channel_id=channel_id)

    def all(self, channel_id: ChannelId) -> Pages[Message]:
        """Every message of a channel, newest first, page by page. Replies are in their threads."""

        async def read(cursor: str | None) -> tuple[tuple[Message, ...], str | None]:
            page = await self.history(channel_id, before=None if cursor is None else MessageId(cursor), limit=100)
            return page.messages, page.next_cursor if page.has_more else None

        return Pages(read)

    async def send(
        self,
        channel_id: ChannelId,
        content: str,
        *,
        thread_id: MessageId | None = None,
        temp_id: str | None = None,
        attachment_ids: Sequence[AttachmentId] = (),
    ) -> Message:
        """Send a message; when this returns, it is durable. It is sent once, even when an answer is lost on the way.

        temp_id: the name of this sending: within 24 h, the same name in the same channel returns the first message.
        """
        body = fields(
            content=content,
            thread_id=thread_id,
            temp_id=temp_id or str(uuid4()),
            attachment_ids=list(attachment_ids) or None,
        )
        return await self._api.call(SEND, body=body, channel_id=channel_id)

    async def get(self, message_id: MessageId) -> Message:
        """One message."""
        return await self._api.call(GET, message_id=message_id)

    async def edit(self, message_id: MessageId, content: str) -> Message:
        """Change the text of one's own message."""
        return await self._api.call(EDIT, body=fields(content=content), message_id=message_id)

    async def delete(self, message_id: MessageId) -> None:
        """Delete a message; a thread's first message takes its replies with it."""
        await self._api.call(DELETE, message_id=message_id)

    async def thread(
        self,
        message_id: MessageId,
        *,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """The replies to a message, oldest first; with `before` those before it, newest first."""
        query = fields(before=before, after=after, limit=limit)
        return await self._api.call(THREAD, query=query, message_id=message_id)

    async def react(self, message_id: MessageId, emoji: str) -> Message:
        """React to a message; doing it again changes nothing."""
        return await self._api.call(REACT, body=fields(emoji=emoji), message_id=message_id)

    async def unreact(self, message_id: MessageId, emoji: str) -> None:
        """Take one's reaction back."""
        await self._api.call(UNREACT, message_id=message_id, emoji=emoji)

    async def search(
        self,
        slug: str,
        text: str,
        *,
        channel_id: ChannelId | None = None,
        author: UserId | None = None,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> Found:
        """Full-text search over what one may read, newest first. Words are joined by AND, quotes make phrases."""
        query = fields(q=text, channel_id=channel_id, from_=author, before=before, after=after, limit=limit)
        return await self._api.call(SEARCH, query=query, slug=slug)

    async def emoji_presets(self) -> tuple[EmojiPreset, ...]:
        """The emoji that a client offers first."""
        return (await self._api.call(PRESETS)).presets
