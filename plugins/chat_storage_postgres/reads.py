"""Read markers: what is unread after them is arithmetic on counters, so it costs the same however much was said."""

from collections.abc import Sequence
from typing import Any

from chat_storage_postgres.columns import NOBODY, known_id
from chat_storage_postgres.connection import Connection
from chatcore.errors import NotFound
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import ReadState

STATE = """
    cm.channel_id, cm.user_id, cm.read_message_id, cm.read_seq,
    c.position - cm.unread_base, cm.personal_mentions + c.everyone - cm.everyone_base
"""
"""What `load_state` reads, from channel_members cm and channels c."""

EVERYONE = NOBODY
"""Who is mentioned by a mention of everyone, in `message_mentions`."""

_GET = f"""
    SELECT {STATE} FROM channel_members cm JOIN channels c ON c.id = cm.channel_id
    WHERE cm.channel_id = $1 AND cm.user_id = $2
"""
# Behind the marker, only deleted messages and mentions have to be counted: by an index, and only now that it moves.
_PLACE = f"""
    UPDATE channel_members AS cm SET
        read_seq = $3,
        read_message_id = $4,
        unread_base = $5 + (SELECT count(*) FROM deleted_messages d
            WHERE d.channel_id = $1 AND d.thread_id IS NULL AND d.position > $5),
        everyone_base = c.everyone - (SELECT count(*) FROM message_mentions n
            WHERE n.channel_id = $1 AND n.user_id = '{EVERYONE}' AND n.seq > $3 AND n.author_id <> $2),
        personal_mentions = (SELECT count(*) FROM message_mentions n
            WHERE n.channel_id = $1 AND n.user_id = $2 AND n.seq > $3 AND n.author_id <> $2 AND NOT n.covered)
    FROM channels c WHERE c.id = $1 AND cm.channel_id = $1 AND cm.user_id = $2
    RETURNING {STATE}
"""
# From the newest backwards: whoever joins has read all of it, or nearly.
_POSITION = """
    SELECT greatest(
        (SELECT m.position FROM messages m
            WHERE m.channel_id = $1 AND m.thread_id IS NULL AND m.seq <= $2 ORDER BY m.seq DESC LIMIT 1),
        (SELECT d.position FROM deleted_messages d
            WHERE d.channel_id = $1 AND d.thread_id IS NULL AND d.seq <= $2 ORDER BY d.position DESC LIMIT 1)
    )
"""
_WHERE = "SELECT seq, position FROM messages WHERE id = $1 AND channel_id = $2"


def load_state(values: Sequence[Any]) -> ReadState:
    """The state of a row of `STATE`."""
    channel_id, user_id, message_id, read_seq, unread, mentions = values
    return ReadState(
        channel_id=channel_id,
        user_id=user_id,
        message_id=message_id,
        read_seq=read_seq,
        unread_count=unread,
        mention_count=mentions,
    )


async def position_at(db: Connection, channel_id: str, seq: int) -> int:
    """The position of the channel's newest top-level message up to the event `seq`, deleted or not; 0 without one."""
    return int(await db.value(_POSITION, channel_id, seq) or 0) if seq else 0


async def place_marker(
    db: Connection, channel_id: str, user_id: str, *, seq: int, position: int, message_id: str | None = None
) -> ReadState | None:
    """Put a member's marker at `seq`, where the newest top-level message is at `position`; count what is behind."""
    found = await db.row(_PLACE, channel_id, user_id, seq, message_id, position)
    return None if found is None else load_state(found)


class Reads:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, channel_id: ChannelId, user_id: UserId) -> ReadState | None:
        found = await self._db.row(_GET, known_id(channel_id), known_id(user_id))
        return None if found is None else load_state(found)

    async def move(self, channel_id: ChannelId, user_id: UserId, message_id: MessageId) -> ReadState | None:
        await self._db.lock_channel(channel_id)
        found = await self._db.row(_WHERE, known_id(message_id), known_id(channel_id))
        if found is None:
            raise NotFound.of("message")
        seq, position = found
        return await place_marker(
            self._db, channel_id, known_id(user_id), seq=seq, position=position, message_id=message_id
        )
