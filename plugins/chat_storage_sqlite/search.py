"""Full-text search.

The index is in the order of the log, and knows the channel and the author of each message as words of their own. So
hits come newest first, from the caller's channels only, and the search ends with the page: a word that is everywhere
costs no more than a rare one.
"""

import re
from typing import Any

import orjson

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.message_rows import read_messages
from chat_storage_sqlite.paging import cut_page
from chatcore.errors import ValidationFailed
from chatcore.ids import MessageId
from chatcore.model import MessagePage
from chatcore.ports import Search

MAX_PARTS = 32
"""Words and phrases in one query; what is beyond is left out."""
MAX_SCOPES = 500
"""Channels that the index is asked for by their words. With more, most hits are the caller's to see anyway, and it is
cheaper to drop the others afterwards."""

_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_WORD = re.compile(r"[^\W_]")
_NO_WORD = re.compile(r"[^0-9a-z]")
_NUMBERS = "SELECT json_group_array(number) FROM channels WHERE id IN (SELECT value FROM json_each(?))"
_HITS = """
    SELECT m.* FROM messages_fts f CROSS JOIN messages m ON m.place = f.rowid
    WHERE f.messages_fts MATCH ?1 AND f.rowid > ?2 AND f.rowid < ?3
        AND (?4 IS NULL OR m.channel_id IN (SELECT value FROM json_each(?4)))
    ORDER BY f.rowid DESC LIMIT ?5
"""
_PLACE = """
    SELECT place FROM messages WHERE id = ?1 AND channel_id IN (SELECT value FROM json_each(?2))
    UNION ALL
    SELECT place FROM deleted_messages WHERE id = ?1 AND channel_id IN (SELECT value FROM json_each(?2))
"""


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
    words = to_match(query.text)
    numbers = db.json(_NUMBERS, channels)
    if not words or not numbers:
        return MessagePage(messages=(), has_more=False)
    match = f"{{content}} : ({words})"
    if query.author_id is not None:
        match += f" AND {{scope}} : u{_NO_WORD.sub('', query.author_id)}"
    if len(numbers) <= MAX_SCOPES:
        match += f" AND {{scope}} : ({' OR '.join(f'c{number}' for number in numbers)})"
    values: tuple[Any, ...] = (match, low, high, None if len(numbers) <= MAX_SCOPES else channels, query.limit + 1)
    return cut_page(read_messages(db, _HITS, *values), query.limit)


def _place(db: Connection, field: str, cursor: MessageId, channels: str) -> int:
    found = db.value(_PLACE, cursor, channels)
    if found is None:
        raise ValidationFailed.of(field, "names no message here")
    return int(found)
