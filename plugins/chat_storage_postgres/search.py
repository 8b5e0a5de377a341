"""Full-text search: by the index of words, in which the channel and the author of a message are words too."""

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.message_rows import read_messages
from chat_storage_postgres.paging import cut_page
from chat_storage_postgres.words import to_query
from chatcore.errors import ValidationFailed
from chatcore.ids import MessageId
from chatcore.model import MessagePage
from chatcore.ports import Search

MAX_SEQ = (1 << 62) - 1

_HITS = """
    SELECT * FROM messages
    WHERE search @@ $1::text::tsquery AND channel_id = ANY($2::uuid[]) AND seq > $3 AND seq < $4
    ORDER BY seq DESC, id DESC LIMIT $5
"""
_PLACE = """
    SELECT coalesce(
        (SELECT seq FROM messages WHERE id = $1 AND channel_id = ANY($2::uuid[])),
        (SELECT seq FROM deleted_messages WHERE id = $1 AND channel_id = ANY($2::uuid[]))
    )
"""


async def search_messages(db: Connection, query: Search) -> MessagePage:
    """See the port. Raises ValidationFailed when a cursor names no message of these channels."""
    channels = [known_id(channel_id) for channel_id in query.channels]
    low = -1 if query.after is None else await _place(db, "after", query.after, channels)
    high = MAX_SEQ if query.before is None else await _place(db, "before", query.before, channels)
    words = to_query(query)
    if not words or not channels:
        return MessagePage(messages=(), has_more=False)
    values = (words, channels, low, high, query.limit + 1)
    return cut_page(await read_messages(db, _HITS, "m.seq DESC, m.id DESC", *values), query.limit)


async def _place(db: Connection, field: str, cursor: MessageId, channels: list[str]) -> int:
    found = await db.value(_PLACE, known_id(cursor), channels)
    if found is None:
        raise ValidationFailed.of(field, "names no message here")
    return int(found)
