"""Messages: pages, threads, edits, reactions. Sending is in `posting`, deleting in `deletion`, search in `search`."""

from collections.abc import Sequence
from datetime import datetime

from chat_storage_postgres.columns import dump_json, known_id
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.deletion import delete_message
from chat_storage_postgres.message_rows import AUTHOR, LINE, load_message, read_messages
from chat_storage_postgres.paging import cut_page
from chat_storage_postgres.search import search_messages
from chat_storage_postgres.words import to_vector
from chatcore.errors import NotFound, ValidationFailed
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import Message, MessagePage, Reaction
from chatcore.ports import Deletion, Search

# A cursor outlives its message: the place of a deleted one is still known. One statement finds the cursor and the page
# behind it. There is always a row; of a cursor that is not there the place is NULL.
_PAGE = """
    SELECT {line} FROM (
        SELECT coalesce(
            (SELECT seq FROM messages WHERE id = $2 AND {owner} = $1),
            (SELECT seq FROM deleted_messages WHERE id = $2 AND {owner} = $1)
        ) AS place
    ) c
    LEFT JOIN LATERAL (
        SELECT * FROM messages WHERE {owner} = $1 AND {kind} AND seq {beyond} c.place ORDER BY seq {order} LIMIT $3
    ) m ON true
    LEFT JOIN {author}
    ORDER BY m.seq {order}
"""
_FIRST_PAGE = "SELECT * FROM messages WHERE {owner} = $1 AND {kind} ORDER BY seq {order} LIMIT $2"
_BETWEEN = """
    SELECT * FROM messages WHERE {owner} = $1 AND {kind} AND seq > $2 AND seq < $3 ORDER BY seq {order} LIMIT $4
"""
_PLACE = """
    SELECT coalesce(
        (SELECT seq FROM messages WHERE id = $2 AND {owner} = $1),
        (SELECT seq FROM deleted_messages WHERE id = $2 AND {owner} = $1)
    )
"""
_CHANNEL = {"owner": "channel_id", "kind": "thread_id IS NULL"}
_THREAD = {"owner": "thread_id", "kind": "thread_id IS NOT NULL"}
_GET = "SELECT * FROM messages WHERE id = $1"
_EDIT = """
    UPDATE messages SET content = $2, mentions = $3, mentions_all = $4, edited_at = $5, search = $6::text::tsvector
    WHERE id = $1
"""
_REACT = """
    INSERT INTO message_reactions (message_id, user_id, emoji, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
"""


class Messages:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, message_id: MessageId) -> Message | None:
        found = await read_messages(self._db, _GET, "m.seq", known_id(message_id))
        return found[0] if found else None

    async def channel_of(self, message_id: MessageId) -> ChannelId | None:
        sql = "SELECT channel_id FROM messages WHERE id = $1"
        channel_id: ChannelId | None = await self._db.value(sql, known_id(message_id))
        return channel_id

    async def page(
        self, channel_id: ChannelId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        return await self._page(_CHANNEL, channel_id, before, after, limit, rising=after is not None)

    async def thread(
        self, root_id: MessageId, *, before: MessageId | None, after: MessageId | None, limit: int
    ) -> MessagePage:
        return await self._page(_THREAD, root_id, before, after, limit, rising=before is None)

    async def edit(
        self, message_id: MessageId, content: str, mentions: Sequence[UserId], mentions_all: bool, edited_at: datetime
    ) -> None:
        sql = "SELECT channel_id, user_id FROM messages WHERE id = $1 FOR NO KEY UPDATE"
        found = await self._db.row(sql, known_id(message_id))
        if found is None:
            raise NotFound.of("message")
        names = dump_json(list(mentions)) if mentions else None
        vector = to_vector(content, channel_id=found[0], author_id=found[1])
        await self._db.run(_EDIT, message_id, content, names, mentions_all, edited_at, vector)

    async def delete(self, message_id: MessageId) -> Deletion:
        return await delete_message(self._db, message_id)

    async def search(self, query: Search) -> MessagePage:
        return await search_messages(self._db, query)

    async def react(self, reaction: Reaction) -> bool:
        values = (reaction.message_id, reaction.user_id, reaction.emoji, reaction.created_at)
        return await self._db.run(_REACT, *values) > 0

    async def unreact(self, message_id: MessageId, user_id: UserId, emoji: str) -> bool:
        sql = "DELETE FROM message_reactions WHERE message_id = $1 AND user_id = $2 AND emoji = $3"
        return await self._db.run(sql, known_id(message_id), known_id(user_id), emoji) > 0

    async def emojis(self, message_id: MessageId) -> set[str]:
        sql = "SELECT DISTINCT emoji FROM message_reactions WHERE message_id = $1"
        return {emoji for (emoji,) in await self._db.rows(sql, known_id(message_id))}

    async def _page(
        self,
        kind: dict[str, str],
        owner: str,
        before: MessageId | None,
        after: MessageId | None,
        limit: int,
        *,
        rising: bool,
    ) -> MessagePage:
        order, owner = "ASC" if rising else "DESC", known_id(owner)
        if before is not None and after is not None:
            low = await self._place(kind, owner, "after", after)
            high = await self._place(kind, owner, "before", before)
            sql = _BETWEEN.format(order=order, **kind)
            found = await read_messages(self._db, sql, f"m.seq {order}", owner, low, high, limit + 1)
        elif before is not None or after is not None:
            found = await self._from(kind, owner, before, after, limit + 1, order)
        else:
            sql = _FIRST_PAGE.format(order=order, **kind)
            found = await read_messages(self._db, sql, f"m.seq {order}", owner, limit + 1)
        return cut_page(found, limit)

    async def _from(
        self,
        kind: dict[str, str],
        owner: str,
        before: MessageId | None,
        after: MessageId | None,
        count: int,
        order: str,
    ) -> list[Message]:
        """The messages on one side of a cursor. Raises ValidationFailed."""
        field, cursor = ("before", before) if before is not None else ("after", after)
        sql = _PAGE.format(
            line=f"c.place, {LINE}", author=AUTHOR, beyond="<" if before is not None else ">", order=order, **kind
        )
        rows = await self._db.rows(sql, owner, known_id(str(cursor)), count)
        if rows[0][0] is None:
            raise ValidationFailed.of(field, "names no message here")
        return [load_message(*line) for _, *line in rows if line[0] is not None]

    async def _place(self, kind: dict[str, str], owner: str, field: str, cursor: MessageId) -> int:
        found = await self._db.value(_PLACE.format(**kind), owner, known_id(cursor))
        if found is None:
            raise ValidationFailed.of(field, "names no message here")
        return int(found)
