"""What a run of posts writes, gathered column by column and written in one statement (two more if there is need)."""

from datetime import datetime
from typing import Any

import attrs

from chat_storage_postgres.columns import dump_json, listed
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.reads import EVERYONE
from chat_storage_postgres.words import to_vector
from chatcore.model import Message
from chatcore.ports import Envelope

# Each part writes one table from arrays of equal length. One statement: a trip to the server costs as much as ten rows.
# Arrays go in `listed`, save those of free text.
#
# The workspaces first, and nothing at all unless each is as it was left by `changed_by` (where that is known). In the
# order of their ids, so that two nodes never wait for each other in a circle.
_WRITE = """
    WITH found AS (
        SELECT w.id, n.seq
        FROM workspaces w JOIN unnest($20::text::uuid[], $21::text::bigint[], $22::text::bigint[])
            AS n (id, seq, changed_by) ON n.id = w.id
        WHERE n.changed_by IS NULL OR n.changed_by = w.xmin::text::bigint ORDER BY w.id FOR NO KEY UPDATE OF w
    ), unchanged AS (
        SELECT 1 FROM found HAVING count(*) = cardinality($20::text::uuid[])
    ), w AS (
        UPDATE workspaces w SET seq = found.seq FROM found, unchanged WHERE w.id = found.id
    ), m AS (
        INSERT INTO messages (
            id, workspace_id, channel_id, user_id, thread_id, mentions_all, seq, position, created_at, kind,
            content, mentions, temp_id, search
        )
        SELECT n.id, n.workspace_id, n.channel_id, n.user_id, n.thread_id, n.mentions_all, n.seq, n.position,
            n.created_at, n.kind, n.content, n.mentions::jsonb, n.temp_id, n.search::tsvector
        FROM unnest(
            $1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::text::uuid[], $5::text::uuid[],
            $6::text::bool[], $7::text::bigint[], $8::text::bigint[], $9::text::timestamptz[], $10::text::text[],
            $15::text[], $16::text[], $17::text[], $18::text[]
        ) AS n (
            id, workspace_id, channel_id, user_id, thread_id, mentions_all, seq, position, created_at, kind,
            content, mentions, temp_id, search
        ), unchanged
    ), e AS (
        INSERT INTO events (workspace_id, seq, type, scope, channel_id, user_id, data, created_at)
        SELECT n.workspace_id, n.seq, n.type, n.scope, n.channel_id, n.user_id, n.data, $34
        FROM unnest(
            $2::text::uuid[], $7::text::bigint[], $11::text::text[], $12::text::text[], $13::text::uuid[],
            $14::text::uuid[], $19::text[]
        ) AS n (workspace_id, seq, type, scope, channel_id, user_id, data), unchanged
    ), c AS (
        UPDATE channels c SET position = n.position, everyone = n.everyone
        FROM unnest($23::text::uuid[], $24::text::bigint[], $25::text::bigint[]) AS n (id, position, everyone),
            unchanged
        WHERE c.id = n.id
    ), cm AS (
        UPDATE channel_members cm SET
            read_seq = coalesce(n.seq, cm.read_seq),
            read_message_id = coalesce(n.message_id, cm.read_message_id),
            unread_base = coalesce(n.unread_base, cm.unread_base),
            everyone_base = coalesce(n.everyone_base, cm.everyone_base) + n.own,
            personal_mentions = CASE WHEN n.seq IS NULL THEN cm.personal_mentions ELSE 0 END + n.personal
        FROM unnest(
            $26::text::uuid[], $27::text::uuid[], $28::text::bigint[], $29::text::uuid[], $30::text::bigint[],
            $31::text::bigint[], $32::text::bigint[], $33::text::bigint[]
        ) AS n (channel_id, user_id, seq, message_id, unread_base, everyone_base, own, personal), unchanged
        WHERE cm.channel_id = n.channel_id AND cm.user_id = n.user_id
    )
    SELECT pg_current_xact_id()::text, EXISTS (SELECT 1 FROM unchanged)
"""
_MENTIONS = """
    INSERT INTO message_mentions (channel_id, user_id, seq, author_id, covered)
    SELECT * FROM unnest(
        $1::text::uuid[], $2::text::uuid[], $3::text::bigint[], $4::text::uuid[], $5::text::bool[]
    )
"""
# Apart: a root that was written by the statement above cannot be seen by it.
_ROOTS = """
    UPDATE messages m SET reply_count = m.reply_count + n.times
    FROM unnest($1::text::uuid[], $2::text::int[]) AS n (id, times) WHERE m.id = n.id
"""
_UPLOADS = """
    UPDATE attachments a SET message_id = n.message_id, place = n.place
    FROM unnest($1::text::uuid[], $2::text::uuid[], $3::text::int[]) AS n (id, message_id, place) WHERE a.id = n.id
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
    """How far the log of a workspace has come. `changed_by`: the transaction that wrote its row; None for whichever."""

    workspace_id: str
    seq: int
    changed_by: int | None = None


@attrs.define(eq=False)
class Place:
    """How far the counters of a channel have come."""

    log: Log
    position: int
    everyone: int


@attrs.define(eq=False)
class PostRows:
    """The rows of a run; `add` fills it, `write` empties it into the database."""

    now: datetime
    logs: dict[str, Log] = attrs.field(factory=dict)
    places: dict[str, Place] = attrs.field(factory=dict)
    _messages: list[tuple[Any, ...]] = attrs.field(factory=list)
    _texts: list[tuple[Any, ...]] = attrs.field(factory=list)
    _mentions: list[tuple[Any, ...]] = attrs.field(factory=list)
    _markers: dict[tuple[str, str], Marker] = attrs.field(factory=dict)
    _replies: dict[str, int] = attrs.field(factory=dict)
    _uploads: list[tuple[Any, ...]] = attrs.field(factory=list)

    def add(self, message: Message, envelope: Envelope, attachment_ids: tuple[str, ...]) -> int:
        """Give the message its place in the channel and in the log; returns its seq."""
        place = self.places[message.channel_id]
        place.log.seq = seq = place.log.seq + 1
        place.everyone += message.mentions_all
        if message.thread_id is None:
            place.position += 1
        else:
            self._replies[message.thread_id] = self._replies.get(message.thread_id, 0) + 1
        self._move_marker(message, seq, place)
        if message.mentions or message.mentions_all:
            self._mention(message, seq)
        self._messages.append(_values(message, envelope, place, seq))
        self._texts.append(_texts(message, envelope))
        self._uploads += ((id_, message.id, index) for index, id_ in enumerate(attachment_ids))
        return seq

    def authors(self) -> set[tuple[str, str]]:
        """Channels, and who has sent a top-level message there."""
        return {key for key, marker in self._markers.items() if marker.message_id is not None}

    async def write(self, db: Connection) -> str | None:
        """Write everything; the transaction's number. None when a workspace was changed: then nothing is written."""
        markers = [_marker_values(*key, marker) for key, marker in self._markers.items()]
        logs = sorted((log.workspace_id, log.seq, log.changed_by) for log in self.logs.values())
        (found,) = await db.rows(
            _WRITE,
            *_listed(self._messages, 14),
            *zip(*self._texts, strict=True),
            *_listed(logs, 3),
            *_listed([(id_, place.position, place.everyone) for id_, place in self.places.items()], 3),
            *_listed(markers, 8),
            self.now,
        )
        xid, unchanged = found
        if not unchanged:
            return None
        if self._mentions:
            await db.run(_MENTIONS, *_listed(self._mentions, 5))
        if self._replies:
            await db.run(_ROOTS, listed(self._replies), listed(self._replies.values()))
        if self._uploads:
            await db.run(_UPLOADS, *_listed(self._uploads, 3))
        return str(xid)

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
            self._mentions.append((channel_id, EVERYONE, seq, author_id, False))
        for user_id in dict.fromkeys(message.mentions):
            self._mentions.append((channel_id, user_id, seq, author_id, covered))
            if user_id != author_id and not covered:
                self._markers.setdefault((channel_id, user_id), Marker()).personal += 1


def _values(message: Message, envelope: Envelope, place: Place, seq: int) -> tuple[Any, ...]:
    """The columns of the message, then those of its event, save free text."""
    audience = envelope.audience
    return (
        message.id,
        place.log.workspace_id,
        message.channel_id,
        message.user_id,
        message.thread_id,
        message.mentions_all,
        seq,
        place.position,
        message.created_at,
        message.kind,
        envelope.type,
        audience.scope,
        audience.channel_id,
        audience.user_id,
    )


def _texts(message: Message, envelope: Envelope) -> tuple[str | None, ...]:
    """The other columns of the message, and that of its event."""
    return (
        message.content,
        dump_json(message.mentions) if message.mentions else None,
        message.temp_id,
        to_vector(message.content, channel_id=message.channel_id, author_id=message.user_id),
        envelope.data.decode(),
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


def _listed(rows: list[tuple[Any, ...]], width: int) -> list[str]:
    """The rows, turned: an array for each column."""
    return [listed(column) for column in zip(*rows, strict=True)] if rows else [listed(())] * width
