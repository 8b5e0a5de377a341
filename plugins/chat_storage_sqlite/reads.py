"""Read markers: what is unread after them is arithmetic on counters, so it costs the same however much was said."""

from typing import Any

from chat_storage_sqlite.connection import Connection
from chatcore.errors import NotFound
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import ReadState

STATE = """
    cm.channel_id, cm.user_id, cm.read_message_id, cm.read_seq,
    c.position - cm.unread_base, cm.personal_mentions + c.everyone - cm.everyone_base
"""
"""What `load_state` reads, from channel_members cm and channels c."""

_GET = f"""
    SELECT {STATE} FROM channel_members cm JOIN channels c ON c.id = cm.channel_id
    WHERE cm.channel_id = ? AND cm.user_id = ?
"""
# Behind the marker, only deleted messages and mentions have to be counted: by an index, and only now that it moves.
_PLACE = """
    UPDATE channel_members AS cm SET
        read_seq = ?3,
        read_message_id = ?4,
        unread_base = ?5 + (SELECT count(*) FROM deleted_messages d
            WHERE d.channel_id = ?1 AND d.thread_id IS NULL AND d.position > ?5),
        everyone_base = c.everyone - (SELECT count(*) FROM message_mentions n
            WHERE n.channel_id = ?1 AND n.user_id = '*' AND n.seq > ?3 AND n.author_id <> ?2),
        personal_mentions = (SELECT count(*) FROM message_mentions n
            WHERE n.channel_id = ?1 AND n.user_id = ?2 AND n.seq > ?3 AND n.author_id <> ?2 AND NOT n.covered)
    FROM channels c WHERE c.id = ?1 AND cm.channel_id = ?1 AND cm.user_id = ?2
"""
# From the newest backwards: whoever joins has read all of it, or nearly.
_POSITION = """
    SELECT max(
        coalesce((SELECT m.position FROM messages m
            WHERE m.row BETWEEN c.number << 33 AND (c.number << 33) + c.position AND m.seq <= ?2
            ORDER BY m.row DESC LIMIT 1), 0),
        coalesce((SELECT d.position FROM deleted_messages d
            WHERE d.channel_id = c.id AND d.thread_id IS NULL AND d.seq <= ?2 ORDER BY d.position DESC LIMIT 1), 0)
    )
    FROM channels c WHERE c.id = ?1
"""


def load_state(values: tuple[Any, ...] | list[Any]) -> ReadState:
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


def position_at(db: Connection, channel_id: str, seq: int) -> int:
    """The position of the channel's newest top-level message up to the event `seq`, deleted or not; 0 without one."""
    return int(db.value(_POSITION, channel_id, seq) or 0) if seq else 0


def place_marker(
    db: Connection, channel_id: str, user_id: str, *, seq: int, position: int, message_id: str | None = None
) -> None:
    """Put a member's marker at `seq`, where the newest top-level message is at `position`; count what is behind."""
    db.run(_PLACE, channel_id, user_id, seq, message_id, position)


class Reads:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, channel_id: ChannelId, user_id: UserId) -> ReadState | None:
        found = self._db.row(_GET, channel_id, user_id)
        return None if found is None else load_state(found)

    async def move(self, channel_id: ChannelId, user_id: UserId, message_id: MessageId) -> ReadState | None:
        sql = "SELECT seq, position FROM messages WHERE id = ? AND channel_id = ?"
        found = self._db.row(sql, message_id, channel_id)
        if found is None:
            raise NotFound.of("message")
        seq, position = found
        place_marker(self._db, channel_id, user_id, seq=seq, position=position, message_id=message_id)
        return await self.get(channel_id, user_id)
