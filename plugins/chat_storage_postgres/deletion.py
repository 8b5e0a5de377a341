"""Deleting a message, and everything that hangs on it."""

from collections.abc import Sequence
from typing import Any

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.events import forget_message
from chat_storage_postgres.reads import EVERYONE
from chatcore.errors import NotFound
from chatcore.events import Mentioned
from chatcore.ids import MessageId
from chatcore.ports import Deletion

_WHERE = "SELECT channel_id FROM messages WHERE id = $1"
_TARGET = "SELECT workspace_id, channel_id, thread_id, seq FROM messages WHERE id = $1"
_GOING = "SELECT id, seq FROM messages WHERE id = $1 OR thread_id = $1"
_REMEMBER = """
    INSERT INTO deleted_messages (id, workspace_id, channel_id, thread_id, seq, position)
    SELECT id, workspace_id, channel_id, thread_id, seq, position FROM messages WHERE id = $1 OR thread_id = $1
"""
_MENTIONS = """
    SELECT seq, author_id, user_id FROM message_mentions
    WHERE channel_id = $1 AND seq = ANY($2::bigint[]) ORDER BY seq, user_id
"""
_UNCOUNT_PERSONAL = """
    UPDATE channel_members AS cm SET personal_mentions = personal_mentions - n.times
    FROM (
        SELECT s.user_id AS member, count(*) AS times
        FROM message_mentions n JOIN channel_members s ON s.channel_id = n.channel_id AND s.user_id = n.user_id
        WHERE n.channel_id = $1 AND n.seq = ANY($2::bigint[])
            AND n.seq > s.read_seq AND n.author_id <> n.user_id AND NOT n.covered
        GROUP BY s.user_id
    ) n
    WHERE cm.channel_id = $1 AND cm.user_id = n.member
"""
# A member's own message never counted: its base was raised when it was sent.
_UNCOUNT_EVERYONE = f"""
    UPDATE channel_members cm SET everyone_base = everyone_base + n.times
    FROM (
        SELECT s.user_id AS member, count(*) AS times
        FROM message_mentions n JOIN channel_members s ON s.channel_id = n.channel_id
        WHERE n.channel_id = $1 AND n.user_id = '{EVERYONE}' AND n.seq = ANY($2::bigint[])
            AND n.seq > s.read_seq AND n.author_id <> s.user_id
        GROUP BY s.user_id
    ) n
    WHERE cm.channel_id = $1 AND cm.user_id = n.member
"""
_FORGET_MENTIONS = "DELETE FROM message_mentions WHERE channel_id = $1 AND seq = ANY($2::bigint[])"
_UNCOUNT_UNREAD = "UPDATE channel_members SET unread_base = unread_base + 1 WHERE channel_id = $1 AND read_seq < $2"
_UNCOUNT_REPLY = "UPDATE messages SET reply_count = reply_count - 1 WHERE id = $1"


async def delete_message(db: Connection, message_id: MessageId) -> Deletion:
    """See the port. Raises NotFound."""
    where = await db.value(_WHERE, known_id(message_id))
    if where is not None:
        await db.lock_channel(where)
    target = None if where is None else await db.row(_TARGET, message_id)
    if target is None:
        raise NotFound.of("message")
    workspace_id, channel_id, thread_id, seq = target
    going = await db.rows(_GOING, message_id)
    seqs = [place for _, place in going]
    mentioned = await _forget_mentions(db, channel_id, seqs)
    await db.run(_REMEMBER, message_id)
    if thread_id is None:
        await db.run(_UNCOUNT_UNREAD, channel_id, seq)
    else:
        await db.run(_UNCOUNT_REPLY, thread_id)
    # Reactions, attachments and replies go with it, by foreign key.
    await db.run("DELETE FROM messages WHERE id = $1", message_id)
    await forget_message(db, workspace_id, seqs, [id_ for id_, _ in going])
    return Deletion(message_seq=seq, mentioned=mentioned)


async def _forget_mentions(db: Connection, channel_id: str, seqs: list[int]) -> tuple[Mentioned, ...]:
    rows = await db.rows(_MENTIONS, channel_id, seqs)
    if not rows:
        return ()
    await db.run(_UNCOUNT_PERSONAL, channel_id, seqs)
    if any(user_id == EVERYONE for _, _, user_id in rows):
        await db.run(_UNCOUNT_EVERYONE, channel_id, seqs)
    await db.run(_FORGET_MENTIONS, channel_id, seqs)
    return _mentioned(rows)


def _mentioned(rows: Sequence[Sequence[Any]]) -> tuple[Mentioned, ...]:
    by_seq: dict[int, tuple[Any, list[Any]]] = {}
    for seq, author_id, user_id in rows:
        by_seq.setdefault(seq, (author_id, []))[1].append(user_id)
    return tuple(
        Mentioned(
            seq=seq,
            author_id=author_id,
            user_ids=tuple(user_id for user_id in people if user_id != EVERYONE),
            everyone=EVERYONE in people,
        )
        for seq, (author_id, people) in by_seq.items()
    )
