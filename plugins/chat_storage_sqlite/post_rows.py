"""What a run of posts writes, gathered row by row and written table by table."""

from typing import Any

import attrs
import orjson

from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection
from chatcore.model import Message
from chatcore.ports import Envelope

_MESSAGES = """
    INSERT INTO messages
        (row, id, channel_id, user_id, content, thread_id, mentions, mentions_all, temp_id, seq, position, created_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
        value ->> 8, value ->> 9, value ->> 10, value ->> 11
    FROM json_each(?)
"""
_MENTIONS = """
    INSERT INTO message_mentions (channel_id, user_id, seq, author_id, covered)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)
"""
_MEMBERS = """
    UPDATE channel_members AS cm SET
        read_seq = coalesce(j.seq, cm.read_seq),
        read_message_id = coalesce(j.message_id, cm.read_message_id),
        unread_base = coalesce(j.unread_base, cm.unread_base),
        everyone_base = coalesce(j.everyone_base, cm.everyone_base) + j.own,
        personal_mentions = iif(j.seq IS NULL, cm.personal_mentions, 0) + j.personal
    FROM (
        SELECT value ->> 0 AS channel_id, value ->> 1 AS user_id, value ->> 2 AS seq, value ->> 3 AS message_id,
            value ->> 4 AS unread_base, value ->> 5 AS everyone_base, value ->> 6 AS own, value ->> 7 AS personal
        FROM json_each(?)
    ) j
    WHERE cm.channel_id = j.channel_id AND cm.user_id = j.user_id
"""
_CHANNELS = """
    UPDATE channels AS c SET ordinal = value ->> 1, position = value ->> 2, everyone = value ->> 3
    FROM json_each(?) j WHERE c.number = value ->> 0
"""
_ROOTS = (
    "UPDATE messages AS m SET reply_count = reply_count + (value ->> 1) FROM json_each(?) j WHERE m.id = value ->> 0"
)
_UPLOADS = """
    UPDATE attachments AS a SET message_id = value ->> 1, place = value ->> 2 FROM json_each(?) j WHERE a.id = value ->> 0
"""
_EVENTS = """
    INSERT INTO events (workspace_id, seq, type, scope, channel_id, user_id, data, created_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ?2
    FROM json_each(?1)
"""
_WORKSPACES = "UPDATE workspaces AS w SET seq = value ->> 1 FROM json_each(?) j WHERE w.id = value ->> 0"


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
class Place:
    """How far the counters of a channel have come."""

    workspace_id: str
    number: int
    ordinal: int
    position: int
    everyone: int


@attrs.define(eq=False)
class PostRows:
    """The rows of a run; `add` fills it, `write` empties it into the database."""

    seqs: dict[str, int] = attrs.field(factory=dict)
    places: dict[str, Place] = attrs.field(factory=dict)
    _messages: list[list[Any]] = attrs.field(factory=list)
    _mentions: list[list[Any]] = attrs.field(factory=list)
    _markers: dict[tuple[str, str], Marker] = attrs.field(factory=dict)
    _replies: dict[str, int] = attrs.field(factory=dict)
    _uploads: list[list[Any]] = attrs.field(factory=list)
    _events: list[list[Any]] = attrs.field(factory=list)

    def add(self, message: Message, envelope: Envelope, attachment_ids: tuple[str, ...]) -> int:
        """Give the message its place in the channel and in the log; returns its seq."""
        place = self.places[message.channel_id]
        seq = self.seqs[place.workspace_id] = self.seqs[place.workspace_id] + 1
        place.ordinal += 1
        if message.thread_id is None:
            place.position += 1
        else:
            self._replies[message.thread_id] = self._replies.get(message.thread_id, 0) + 1
        if message.mentions_all:
            place.everyone += 1
        self._move_marker(message, seq, place)
        if message.mentions or message.mentions_all:
            self._mention(message, seq)
        self._messages.append(_message_row(message, seq, place))
        self._events.append(_event_row(envelope, seq))
        self._uploads += ([id_, message.id, index] for index, id_ in enumerate(attachment_ids))
        return seq

    def write(self, db: Connection, now_ms: int) -> None:
        """Write everything."""
        # In the order of their rows: the search index begins a new segment whenever a row lies before the last one.
        self._messages.sort(key=lambda values: values[0])
        db.run(_MESSAGES, _json(self._messages))
        db.run(_EVENTS, _json(self._events), now_ms)
        db.run(_CHANNELS, _json([[p.number, p.ordinal, p.position, p.everyone] for p in self.places.values()]))
        db.run(_WORKSPACES, _json(list(self.seqs.items())))
        for sql, rows in (
            (_MEMBERS, [_marker_row(*key, marker) for key, marker in self._markers.items()]),
            (_MENTIONS, self._mentions),
            (_ROOTS, list(self._replies.items())),
            (_UPLOADS, self._uploads),
        ):
            if rows:
                db.run(sql, _json(rows))

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
            self._mentions.append([channel_id, "*", seq, author_id, False])
        for user_id in dict.fromkeys(message.mentions):
            self._mentions.append([channel_id, user_id, seq, author_id, covered])
            if user_id != author_id and not covered:
                self._markers.setdefault((channel_id, user_id), Marker()).personal += 1


def _message_row(message: Message, seq: int, place: Place) -> list[Any]:
    return [
        (place.number << 32) + place.ordinal,
        message.id,
        message.channel_id,
        message.user_id,
        message.content,
        message.thread_id,
        _json(message.mentions) if message.mentions else None,
        message.mentions_all,
        message.temp_id,
        seq,
        place.position,
        to_ms(message.created_at),
    ]


def _event_row(envelope: Envelope, seq: int) -> list[Any]:
    audience = envelope.audience
    return [
        envelope.workspace_id,
        seq,
        envelope.type,
        audience.scope,
        audience.channel_id,
        audience.user_id,
        envelope.data.decode(),
    ]


def _marker_row(channel_id: str, user_id: str, marker: Marker) -> list[Any]:
    return [
        channel_id,
        user_id,
        marker.seq,
        marker.message_id,
        marker.unread_base,
        marker.everyone_base,
        marker.own,
        marker.personal,
    ]


def _json(values: Any) -> str:
    return orjson.dumps(values).decode()
