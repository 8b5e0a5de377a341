"""What a run of posts writes, gathered row by row and written table by table."""

from typing import Any

import attrs
import orjson

from chat_storage_sqlite.bulk import run_rows
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.places import event_place, message_row
from chatcore.model import Message
from chatcore.ports import Envelope

_MESSAGES = """
    INSERT INTO messages
        (place, row, id, channel_id, user_id, content, thread_id, mentions, mentions_all, temp_id, kind, position,
        created_at)
    /*rows*/
"""
_MENTIONS = "INSERT INTO message_mentions (channel_id, user_id, seq, author_id, covered) /*rows*/"
_MEMBERS = """
    WITH j (channel_id, user_id, seq, message_id, unread_base, everyone_base, own, personal) AS (/*rows*/)
    UPDATE channel_members AS cm SET
        read_seq = coalesce(j.seq, cm.read_seq),
        read_message_id = coalesce(j.message_id, cm.read_message_id),
        unread_base = coalesce(j.unread_base, cm.unread_base),
        everyone_base = coalesce(j.everyone_base, cm.everyone_base) + j.own,
        personal_mentions = iif(j.seq IS NULL, cm.personal_mentions, 0) + j.personal
    FROM j WHERE cm.channel_id = j.channel_id AND cm.user_id = j.user_id
"""
_CHANNELS = """
    WITH j (number, position, replies, everyone) AS (/*rows*/)
    UPDATE channels AS c SET position = j.position, replies = j.replies, everyone = j.everyone
    FROM j WHERE c.number = j.number
"""
_ROOTS = """
    WITH j (id, times) AS (/*rows*/) UPDATE messages AS m SET reply_count = reply_count + times FROM j WHERE m.id = j.id
"""
_UPLOADS = """
    WITH j (id, message_id, place) AS (/*rows*/)
    UPDATE attachments AS a SET message_id = j.message_id, place = j.place FROM j WHERE a.id = j.id
"""
_EVENTS = "INSERT INTO events (place, type, scope, channel_id, user_id, data, created_at) /*rows*/"
_WORKSPACES = """
    WITH j (number, seq) AS (/*rows*/) UPDATE workspaces AS w SET seq = j.seq FROM j WHERE w.number = j.number
"""


@attrs.define(eq=False)
class Marker:
    """What happens to a channel member: their marker moves to `seq` (unless None), and their mentions are counted."""

    seq: int | None = None
    message_id: str | None = None
    unread_base: int | None = None
    everyone_base: int | None = None
    own: int = 0
    personal: int = 0


@attrs.define(eq=False)
class Log:
    """How far the log of a workspace has come."""

    number: int
    seq: int


@attrs.define(eq=False)
class Place:
    """How far the counters of a channel have come."""

    log: Log
    number: int
    position: int
    replies: int
    everyone: int


@attrs.define(eq=False)
class PostRows:
    """The rows of a run; `add` fills it, `write` empties it into the database."""

    now_ms: int
    logs: dict[str, Log] = attrs.field(factory=dict)
    places: dict[str, Place] = attrs.field(factory=dict)
    _messages: list[tuple[Any, ...]] = attrs.field(factory=list)
    _mentions: list[tuple[Any, ...]] = attrs.field(factory=list)
    _markers: dict[tuple[str, str], Marker] = attrs.field(factory=dict)
    _replies: dict[str, int] = attrs.field(factory=dict)
    _uploads: list[tuple[Any, ...]] = attrs.field(factory=list)
    _events: list[tuple[Any, ...]] = attrs.field(factory=list)

    def add(self, message: Message, envelope: Envelope, attachment_ids: tuple[str, ...]) -> int:
        """Give the message its place in the channel and in the log; returns its seq."""
        place = self.places[message.channel_id]
        place.log.seq = seq = place.log.seq + 1
        place.everyone += message.mentions_all
        if message.thread_id is None:
            place.position += 1
            row = message_row(place.number, place.position, reply=False)
        else:
            place.replies += 1
            row = message_row(place.number, place.replies, reply=True)
            self._replies[message.thread_id] = self._replies.get(message.thread_id, 0) + 1
        self._move_marker(message, seq, place)
        if message.mentions or message.mentions_all:
            self._mention(message, seq)
        key = event_place(place.log.number, seq)
        self._messages.append(_message_values(message, key, row, place.position))
        self._events.append(_event_values(envelope, key, self.now_ms))
        self._uploads += ((id_, message.id, index) for index, id_ in enumerate(attachment_ids))
        return seq

    def write(self, db: Connection) -> None:
        """Write everything."""
        # In the order of their places: the search index begins a new segment whenever one lies before the last.
        self._messages.sort()
        run_rows(db, _MESSAGES, self._messages)
        run_rows(db, _EVENTS, self._events)
        run_rows(db, _CHANNELS, [(p.number, p.position, p.replies, p.everyone) for p in self.places.values()])
        run_rows(db, _WORKSPACES, [(log.number, log.seq) for log in self.logs.values()])
        run_rows(db, _MEMBERS, [_marker_values(*key, marker) for key, marker in self._markers.items()])
        run_rows(db, _MENTIONS, self._mentions)
        run_rows(db, _ROOTS, list(self._replies.items()))
        run_rows(db, _UPLOADS, self._uploads)

    def _move_marker(self, message: Message, seq: int, place: Place) -> None:
        key = message.channel_id, message.user_id
        if message.thread_id is None:
            self._markers[key] = Marker(seq, message.id, place.position, place.everyone)
        elif message.mentions_all:
            self._markers.setdefault(key, Marker()).own += 1

    def _mention(self, message: Message, seq: int) -> None:
        channel_id, author_id = message.channel_id, message.user_id
        covered = message.mentions_all
        if covered:
            self._mentions.append((channel_id, "*", seq, author_id, False))
        for user_id in dict.fromkeys(message.mentions):
            self._mentions.append((channel_id, user_id, seq, author_id, covered))
            if user_id != author_id and not covered:
                self._markers.setdefault((channel_id, user_id), Marker()).personal += 1


def _message_values(message: Message, place: int, row: int, position: int) -> tuple[Any, ...]:
    return (
        place,
        row,
        message.id,
        message.channel_id,
        message.user_id,
        message.content,
        message.thread_id,
        orjson.dumps(message.mentions).decode() if message.mentions else None,
        message.mentions_all,
        message.temp_id,
        message.kind,
        position,
        to_ms(message.created_at),
    )


def _event_values(envelope: Envelope, place: int, now_ms: int) -> tuple[Any, ...]:
    audience = envelope.audience
    return (
        place,
        envelope.type,
        audience.scope.value,
        audience.channel_id,
        audience.user_id,
        envelope.data.decode(),
        now_ms,
    )


def _marker_values(channel_id: str, user_id: str, marker: Marker) -> tuple[Any, ...]:
    return (
        channel_id,
        user_id,
        marker.seq,
        marker.message_id,
        marker.unread_base,
        marker.everyone_base,
        marker.own,
        marker.personal,
    )
