"""Messages: pages, threads, edits, reactions. Sending is in `posting`, deleting in `deletion`, search in `search`."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.deletion import delete_message
from chat_storage_sqlite.message_rows import read_messages
from chat_storage_sqlite.paging import cut_page
from chat_storage_sqlite.places import MAX_ORDINAL, MAX_SEQ, message_row
from chat_storage_sqlite.search import search_messages
from chatcore.errors import NotFound, ValidationFailed
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import Message, MessagePage, Reaction
from chatcore.ports import Deletion, Search

# A cursor outlives its message: the place of a deleted one is still known.
_IN_CHANNEL = """
    SELECT position, thread_id IS NOT NULL FROM messages WHERE id = ?1 AND channel_id = ?2
    UNION ALL SELECT position, thread_id IS NOT NULL FROM deleted_messages WHERE id = ?1 AND channel_id = ?2
"""
_IN_THREAD = """
    SELECT seq, 0 FROM messages WHERE id = ?1 AND thread_id = ?2
    UNION ALL SELECT seq, 0 FROM deleted_messages WHERE id = ?1 AND thread_id = ?2
"""
_CHANNEL = "SELECT * FROM messages WHERE row > ? AND row < ? ORDER BY row {order} LIMIT ?"
_THREAD = "SELECT * FROM messages WHERE thread_id = ? AND seq > ? AND seq < ? ORDER BY seq {order} LIMIT ?"
_EDIT = """
    UPDATE messages SET content = ?, mentions = ?, mentions_all = ?, edited_at = ? WHERE id = ?
"""
_REACT = """
    INSERT INTO message_reactions (message_id, user_id, emoji, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


class Messages:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, message_id: MessageId) -> Message | None:
        found = read_messages(self._db, "SELECT * FROM messages WHERE id = ?", message_id)
        return found[0] if found else None

    async def channel_of(self, message_id: MessageId) -> ChannelId | None:
        channel_id: ChannelId | None = self._db.value("SELECT channel_id FROM messages WHERE id = ?", message_id)
        return channel_id

    async def page(
        self, channel_id: ChannelId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        number = self._db.value("SELECT number FROM channels WHERE id = ?", channel_id)
        if number is None:
            return MessagePage(messages=(), has_more=False)
        low, high = self._between(_IN_CHANNEL, channel_id, before, after, MAX_ORDINAL)
        ends = (message_row(number, low, reply=False), message_row(number, high, reply=False))
        return self._page(_CHANNEL, ends, limit, rising=after is not None)

    async def thread(
        self, root_id: MessageId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        low, high = self._between(_IN_THREAD, root_id, before, after, MAX_SEQ)
        return self._page(_THREAD, (root_id, low, high), limit, rising=before is None)

    async def edit(
        self, message_id: MessageId, content: str, mentions: Sequence[UserId], mentions_all: bool, edited_at: datetime
    ) -> None:
        names = orjson.dumps(list(mentions)).decode() if mentions else None
        if not self._db.run(_EDIT, content, names, mentions_all, to_ms(edited_at), message_id):
            raise NotFound.of("message")

    async def delete(self, message_id: MessageId) -> Deletion:
        return delete_message(self._db, message_id)

    async def search(self, query: Search) -> MessagePage:
        return search_messages(self._db, query)

    async def react(self, reaction: Reaction) -> bool:
        values = (reaction.message_id, reaction.user_id, reaction.emoji, to_ms(reaction.created_at))
        return self._db.run(_REACT, *values) > 0

    async def unreact(self, message_id: MessageId, user_id: UserId, emoji: str) -> bool:
        sql = "DELETE FROM message_reactions WHERE message_id = ? AND user_id = ? AND emoji = ?"
        return self._db.run(sql, message_id, user_id, emoji) > 0

    async def emojis(self, message_id: MessageId) -> set[str]:
        sql = "SELECT json_group_array(DISTINCT emoji) FROM message_reactions WHERE message_id = ?"
        return set(self._db.json(sql, message_id))

    def _between(
        self, sql: str, owner: str, before: MessageId | None, after: MessageId | None, end: int
    ) -> tuple[int, int]:
        """The places between which the page lies, both outside it. Raises ValidationFailed."""
        low, _ = (0, 0) if after is None else self._place(sql, owner, "after", after)
        # A reply as cursor: the top-level message at its position lies before it.
        high, reply = (end, 0) if before is None else self._place(sql, owner, "before", before)
        return low, high + reply

    def _place(self, sql: str, owner: str, field: str, cursor: MessageId) -> tuple[int, int]:
        found = self._db.row(sql, cursor, owner)
        if found is None:
            raise ValidationFailed.of(field, "names no message here")
        return found[0], found[1]

    def _page(self, selection: str, ends: tuple[str | int, ...], limit: int, *, rising: bool) -> MessagePage:
        sql = selection.format(order="ASC" if rising else "DESC")
        return cut_page(read_messages(self._db, sql, *ends, limit + 1), limit)
