"""Deleting a message, and everything that hangs on it."""

from typing import Any

import orjson

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.events import forget_message
from chatcore.errors import NotFound
from chatcore.events import Mentioned
from chatcore.ids import MessageId
from chatcore.ports import Deletion

_TARGET = """
    SELECT m.channel_id, m.thread_id, m.seq, w.number
    FROM messages m JOIN channels c ON c.id = m.channel_id JOIN workspaces w ON w.id = c.workspace_id WHERE m.id = ?
"""
_GOING = """
    SELECT json_group_array(json_array(id, seq)) FROM (SELECT id, seq FROM messages WHERE id = ?1 OR thread_id = ?1)
"""
_REMEMBER = """
    INSERT INTO deleted_messages (id, channel_id, thread_id, place, position)
    SELECT id, channel_id, thread_id, place, position FROM messages WHERE id = ?1 OR thread_id = ?1
"""
_MENTIONS = """
    SELECT json_group_array(json_array(seq, author_id, user_id)) FROM (
        SELECT * FROM message_mentions
        WHERE channel_id = ? AND seq IN (SELECT value FROM json_each(?)) ORDER BY seq, user_id
    )
"""
_UNCOUNT_PERSONAL = """
    UPDATE channel_members AS cm SET personal_mentions = personal_mentions - n.times
    FROM (
        SELECT s.user_id AS member, count(*) AS times
        FROM message_mentions n JOIN channel_members s ON s.channel_id = n.channel_id AND s.user_id = n.user_id
        WHERE n.channel_id = ?1 AND n.seq IN (SELECT value FROM json_each(?2))
            AND n.seq > s.read_seq AND n.author_id <> n.user_id AND NOT n.covered
        GROUP BY s.user_id
    ) n
    WHERE cm.channel_id = ?1 AND cm.user_id = n.member
"""
# A member's own message never counted: its base was raised when it was sent.
_UNCOUNT_EVERYONE = """
    UPDATE channel_members SET everyone_base = everyone_base + (
        SELECT count(*) FROM message_mentions n
        WHERE n.channel_id = ?1 AND n.user_id = '*' AND n.seq IN (SELECT value FROM json_each(?2))
            AND n.seq > channel_members.read_seq AND n.author_id <> channel_members.user_id
    )
    WHERE channel_id = ?1
"""
_FORGET_MENTIONS = "DELETE FROM message_mentions WHERE channel_id = ?1 AND seq IN (SELECT value FROM json_each(?2))"
_UNCOUNT_UNREAD = "UPDATE channel_members SET unread_base = unread_base + 1 WHERE channel_id = ? AND read_seq < ?"


def delete_message(db: Connection, message_id: MessageId) -> Deletion:
    """See the port. Raises NotFound."""
    target = db.row(_TARGET, message_id)
    if target is None:
        raise NotFound.of("message")
    channel_id, thread_id, seq, workspace_number = target
    going = db.json(_GOING, message_id)
    seqs = [place for _, place in going]
    mentioned = _forget_mentions(db, channel_id, orjson.dumps(seqs).decode())
    db.run(_REMEMBER, message_id)
    if thread_id is None:
        db.run(_UNCOUNT_UNREAD, channel_id, seq)
    else:
        db.run("UPDATE messages SET reply_count = reply_count - 1 WHERE id = ?", thread_id)
    # Reactions, attachments, replies and index entries go with it, by foreign key and trigger.
    db.run("DELETE FROM messages WHERE id = ?", message_id)
    forget_message(db, workspace_number, seqs, [id_ for id_, _ in going])
    return Deletion(message_seq=seq, mentioned=mentioned)


def _forget_mentions(db: Connection, channel_id: str, seqs: str) -> tuple[Mentioned, ...]:
    rows = db.json(_MENTIONS, channel_id, seqs)
    if not rows:
        return ()
    db.run(_UNCOUNT_PERSONAL, channel_id, seqs)
    if any(user_id == "*" for _, _, user_id in rows):
        db.run(_UNCOUNT_EVERYONE, channel_id, seqs)
    db.run(_FORGET_MENTIONS, channel_id, seqs)
    return _mentioned(rows)


def _mentioned(rows: list[list[Any]]) -> tuple[Mentioned, ...]:
    by_seq: dict[int, tuple[Any, list[Any]]] = {}
    for seq, author_id, user_id in rows:
        by_seq.setdefault(seq, (author_id, []))[1].append(user_id)
    return tuple(
        Mentioned(
            seq=seq,
            author_id=author_id,
            user_ids=tuple(user_id for user_id in people if user_id != "*"),
            everyone="*" in people,
        )
        for seq, (author_id, people) in by_seq.items()
    )
