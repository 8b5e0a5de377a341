"""Sending messages in bulk: the hot path.

A run of posts costs the same few statements whatever its length: one asks everything that the judgement needs, Python
judges and gives each message its place, and one writes the rows of all tables from arrays. The first locks the
workspaces too, so what was asked still holds when it is written. Where nobody else has written since, all of that is
known (`memory`), and only the second is needed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from chat_storage_postgres.columns import known_id, listed
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.message_rows import read_messages
from chat_storage_postgres.post_rows import Log, Place, PostRows
from chat_storage_postgres.transaction import Transaction
from chatcore.errors import ChatError, Forbidden, NotFound, ValidationFailed
from chatcore.ids import AttachmentId
from chatcore.model import MAX_CONTENT, Message
from chatcore.ports import Envelope, Post, Posted
from chatcore.replacing import replaced

# Each look is by one key. A statement is planned when its tables may still be empty, and any index seems as good as
# another then: the LIMITs leave no choice, where a thread's root would be looked for among all messages of its channel.
_ANSWERS = """
        c.workspace_id, w.seq, c.position, c.everyone, c.archived_at IS NOT NULL,
        (SELECT true FROM channel_members cm
            WHERE cm.channel_id = p.channel_id AND cm.user_id = p.user_id LIMIT 1) IS NOT NULL,
        (SELECT d.id FROM messages d
            WHERE d.channel_id = c.id AND d.user_id = p.user_id AND d.temp_id = p.temp_id),
        (SELECT r.id FROM (SELECT * FROM messages WHERE id = p.thread_id LIMIT 1) r
            WHERE r.channel_id = c.id AND r.thread_id IS NULL)
    FROM unnest($1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::text[]) WITH ORDINALITY
        AS p (channel_id, user_id, thread_id, temp_id, place)
    LEFT JOIN channels c ON c.id = p.channel_id
"""
_ASK = f"SELECT NULL, {_ANSWERS} LEFT JOIN workspaces w ON w.id = c.workspace_id ORDER BY p.place"
# The same, and the workspaces' locks with it, which saves a trip. Who had to wait for a lock is answered by what was
# before the wait; so the answer says who wrote the rows that are locked now, and what was over when it began. In the
# order of their ids, so that two nodes never wait for each other in a circle.
_LOCK_AND_ASK = f"""
    WITH w AS MATERIALIZED (
        SELECT id, seq, xmin::text::bigint AS changed_by FROM workspaces
        WHERE id IN (SELECT workspace_id FROM channels WHERE id = ANY($1::text::uuid[])) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT CASE WHEN p.place = 1 THEN pg_current_snapshot()::text || '/' || pg_current_xact_id()::text END,
        w.changed_by, {_ANSWERS} LEFT JOIN w ON w.id = c.workspace_id ORDER BY p.place
"""
_UPLOADS = """
    SELECT id, workspace_id, uploaded_by FROM attachments WHERE id = ANY($1::uuid[]) AND message_id IS NULL
"""
_FIRST = "SELECT * FROM messages WHERE id = ANY($1::uuid[])"

Outcome = Posted | ChatError


@attrs.define(eq=False)
class Run:
    """What became of each post, in order; the envelopes of those that were written, with their seqs; and their rows."""

    outcomes: list[Outcome]
    sealed: list[tuple[Envelope, int]]
    rows: PostRows


async def post_run(db: Transaction, posts: Sequence[Post], now: datetime) -> Run:
    """Write these posts in the transaction that is open. A post that may not be sent has an error for its outcome."""
    known = None if db.memory is None or db.plan.asks else db.memory.recall(posts)
    run = None if known is None else await _post(db, posts, known, now)
    if run is None:
        run = await _post(db, posts, await _ask(db, [post.message for post in posts]), now)
    assert run is not None, "a workspace changed that is locked"
    return run


async def _post(db: Transaction, posts: Sequence[Post], answers: Sequence[Sequence[Any]], now: datetime) -> Run | None:
    """None when the answers hold no longer: then nothing is written."""
    judge = _Judge(await _uploads(db, [id_ for post in posts for id_ in post.attachment_ids]), now)
    outcomes = [judge.judge(post, answer) for post, answer in zip(posts, answers, strict=True)]
    if judge.sealed:
        xid = await judge.rows.write(db)
        if xid is None:
            return None
        db.xid = xid
    return Run(await _with_first_messages(db, outcomes), judge.sealed, judge.rows)


async def _ask(db: Transaction, messages: Sequence[Message]) -> Sequence[Sequence[Any]]:
    """What has to be known of each message, in order. The workspaces are locked when this returns."""
    channels = [known_id(message.channel_id) for message in messages]
    values = (
        listed(channels),
        listed([known_id(message.user_id) for message in messages]),
        listed([None if message.thread_id is None else known_id(message.thread_id) for message in messages]),
        [_askable(message.temp_id) for message in messages],
    )
    if not db.locked_channels.issuperset(channels):
        rows = await db.rows(_LOCK_AND_ASK, *values)
        snapshot, _, xid = rows[0][0].partition("/")
        if db.took(snapshot, xid, {row[2]: row[1] for row in rows if row[2] is not None}, channels):
            return [row[1:] for row in rows]
    return await db.rows(_ASK, *values)


class _Judge:
    """Decides post by post, in order, what may be sent, and collects its rows."""

    def __init__(self, uploads: dict[str, tuple[str, str]], now: datetime) -> None:
        self.rows = PostRows(now)
        self.sealed: list[tuple[Envelope, int]] = []
        self._uploads = uploads
        self._sent: dict[tuple[str, str, str], Message] = {}
        self._roots: set[tuple[str, str]] = set()

    def judge(self, post: Post, answer: Sequence[Any]) -> Outcome | str:
        """What becomes of the post; the id of the first message when it was sent in an earlier transaction."""
        try:
            return self._judge(post, answer)
        except ChatError as error:
            return error

    def _judge(self, post: Post, answer: Sequence[Any]) -> Outcome | str:
        changed_by, workspace_id, seq, position, everyone, archived, joined, first_id, root_id = answer
        message = post.message
        if workspace_id is None:
            raise NotFound.of("channel")
        if first_id is not None:
            return str(first_id)
        sent = self._sent_before(message)
        if sent is not None:
            return Posted(message=sent, duplicate=True)
        self._check(message, archived, joined, root_id)
        if post.attachment_ids:
            self._claim(post.attachment_ids, workspace_id, message)
        if message.channel_id not in self.rows.places:
            log = self.rows.logs.setdefault(workspace_id, Log(workspace_id, seq, changed_by))
            self.rows.places[message.channel_id] = Place(log, position, everyone)
        return self._write(post)

    def _check(self, message: Message, archived: bool, joined: bool, root_id: str | None) -> None:
        if archived:
            raise Forbidden("This channel is archived: nothing can be sent to it.")
        if not joined:
            raise Forbidden("You are not in this channel: join it first.")
        thread_id = message.thread_id
        if thread_id is not None and root_id is None and (message.channel_id, thread_id) not in self._roots:
            raise NotFound.of("message")
        _check_text(message)

    def _claim(self, attachment_ids: tuple[AttachmentId, ...], workspace_id: str, message: Message) -> None:
        """Take the uploads for this message. Raises NotFound unless all are free, the author's and of the workspace."""
        owner = (workspace_id, message.user_id)
        if len(set(attachment_ids)) < len(attachment_ids):
            raise ValidationFailed.of("attachmentIds", "must not name an upload twice")
        if any(self._uploads.get(id_) != owner for id_ in attachment_ids):
            raise NotFound.of("attachment")
        for id_ in attachment_ids:
            del self._uploads[id_]

    def _write(self, post: Post) -> Posted:
        message = post.message
        seq = self.rows.add(message, post.envelope, post.attachment_ids)
        self.sealed.append((post.envelope, seq))
        sent = replaced(message, seq=seq)
        if message.temp_id is not None:
            self._sent[message.channel_id, message.user_id, message.temp_id] = sent
        if message.thread_id is None:
            self._roots.add((message.channel_id, message.id))
        return Posted(message=sent)

    def _sent_before(self, message: Message) -> Message | None:
        if message.temp_id is None:
            return None
        return self._sent.get((message.channel_id, message.user_id, message.temp_id))


def _check_text(message: Message) -> None:
    """What the table would refuse, and its neighbours with it."""
    if not 0 < len(message.content) <= MAX_CONTENT:
        raise ValidationFailed.of("content", f"must be 1 to {MAX_CONTENT:,} characters")
    if "\x00" in message.content:
        raise ValidationFailed.of("content", "must not hold the character U+0000")
    if message.temp_id is not None and "\x00" in message.temp_id:
        raise ValidationFailed.of("tempId", "must not hold the character U+0000")


def _askable(temp_id: str | None) -> str | None:
    return None if temp_id is None else temp_id.replace("\x00", "")


async def _with_first_messages(db: Connection, outcomes: list[Outcome | str]) -> list[Outcome]:
    """Replace the ids of first messages by the messages."""
    ids = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if not ids:
        return outcomes  # type: ignore[return-value]  # no text is left among them
    first: dict[str, Message] = {message.id: message for message in await read_messages(db, _FIRST, "m.seq", ids)}
    return [
        Posted(message=first[outcome], duplicate=True) if isinstance(outcome, str) else outcome for outcome in outcomes
    ]


async def _uploads(db: Connection, ids: list[AttachmentId]) -> dict[str, tuple[str, str]]:
    """Free uploads among these: id -> (workspace, uploader)."""
    if not ids:
        return {}
    rows = await db.rows(_UPLOADS, [known_id(id_) for id_ in ids])
    return {id_: (workspace_id, user_id) for id_, workspace_id, user_id in rows}
