"""Full-text search.

A channel's top-level messages are one range of rows in the index, its replies another. Each range is searched by itself
from its newest message backwards, up to as many hits as a page holds: a word that is everywhere costs no more than a
rare one, and other channels cost nothing.
"""

import re

import orjson

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.message_rows import read_messages
from chat_storage_sqlite.paging import cut_page
from chatcore.errors import ValidationFailed
from chatcore.ids import MessageId
from chatcore.model import MessagePage
from chatcore.ports import Search

_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_WORD = re.compile(r"[^\W_]")
MAX_PARTS = 32
"""Words and phrases in one query; what is beyond is left out."""

_RANGES = """
    SELECT json_group_array(json_array(first, first + length)) FROM (
        SELECT number << 33 AS first, position AS length FROM channels WHERE id IN (SELECT value FROM json_each(?1))
        UNION ALL
        SELECT (number << 33) + (1 << 32), replies FROM channels WHERE id IN (SELECT value FROM json_each(?1))
    ) WHERE length > 0
"""
_HITS = """
    SELECT json_group_array(json((
        SELECT json_group_array(json_array(row, seq)) FROM (
            SELECT m.row, m.seq
            FROM messages_fts f CROSS JOIN messages m ON m.row = f.rowid
            WHERE f.messages_fts MATCH ?1 AND f.rowid BETWEEN c.value ->> 0 AND c.value ->> 1
                AND (?2 IS NULL OR m.user_id = ?2) AND m.seq > ?3 AND m.seq < ?4
            ORDER BY f.rowid DESC LIMIT ?5
        )
    ))) FROM json_each(?6) c
"""
_PLACE = """
    SELECT seq FROM messages WHERE id = ?1 AND channel_id IN (SELECT value FROM json_each(?2))
    UNION ALL
    SELECT seq FROM deleted_messages WHERE id = ?1 AND channel_id IN (SELECT value FROM json_each(?2))
"""
_CHOSEN = "SELECT * FROM messages WHERE row IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT -1"


def to_match(text: str) -> str:
    """The FTS5 expression for what a person typed: words and "phrases", all of which must occur; empty without any."""
    parts = [phrase or word for phrase, word in _PARTS.findall(text)]
    terms = [part.replace("\x00", " ") for part in parts if _WORD.search(part)]
    return " AND ".join(f'"{term}"' for term in terms[:MAX_PARTS])


def search_messages(db: Connection, query: Search) -> MessagePage:
    """See the port. Raises ValidationFailed when a cursor names no message of these channels."""
    channels = orjson.dumps(query.channels).decode()
    low = -1 if query.after is None else _place(db, "after", query.after, channels)
    high = 2**62 if query.before is None else _place(db, "before", query.before, channels)
    match = to_match(query.text)
    if not match:
        return MessagePage(messages=(), has_more=False)
    ranges = db.value(_RANGES, channels)
    hits = db.json(_HITS, match, query.author_id, low, high, query.limit + 1, ranges)
    newest = sorted(((seq, row) for found in hits for row, seq in found), reverse=True)[: query.limit + 1]
    rows = orjson.dumps([row for _, row in newest]).decode()
    return cut_page(read_messages(db, _CHOSEN, rows), query.limit)


def _place(db: Connection, field: str, cursor: MessageId, channels: str) -> int:
    found = db.value(_PLACE, cursor, channels)
    if found is None:
        raise ValidationFailed.of(field, "names no message here")
    return int(found)
