"""Sending messages in bulk: the hot path.

A run of posts costs the same few statements whatever its length: one asks everything that the judgement needs, Python
judges and gives each message its place, and the rest write all rows of one table from one JSON parameter.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import orjson

from chat_storage_sqlite.bulk import ask_rows
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.message_rows import read_messages
from chat_storage_sqlite.post_rows import Log, Place, PostRows
from chatcore.errors import ChatError, Forbidden, NotFound, ValidationFailed
from chatcore.ids import AttachmentId
from chatcore.model import Message
from chatcore.ports import Envelope, Post, Posted
from chatcore.replacing import replaced

_ASK = """
    WITH p (channel_id, user_id, temp_id, thread_id) AS (/*rows*/)
    SELECT json_group_array(json_array(
        c.workspace_id, w.number, w.seq, c.number, c.position, c.replies, c.everyone, c.archived_at,
        cm.user_id IS NOT NULL,
        (SELECT d.id FROM messages d
            WHERE d.channel_id = c.id AND d.user_id = p.user_id AND d.temp_id = p.temp_id),
        (SELECT r.id FROM messages r WHERE r.id = p.thread_id AND r.channel_id = c.id AND r.thread_id IS NULL)
    ))
    FROM p
    LEFT JOIN channels c ON c.id = p.channel_id
    LEFT JOIN workspaces w ON w.id = c.workspace_id
    LEFT JOIN channel_members cm ON cm.channel_id = c.id AND cm.user_id = p.user_id
"""
_UPLOADS = """
    SELECT json_group_array(json_array(id, workspace_id, uploaded_by))
    FROM attachments WHERE id IN (SELECT value FROM json_each(?)) AND message_id IS NULL
"""

Outcome = Posted | ChatError


@attrs.define(eq=False)
class Run:
    """What became of each post, in order; and the envelopes of those that were written, with their seqs."""

    outcomes: list[Outcome]
    sealed: list[tuple[Envelope, int]]


def post_run(db: Connection, posts: Sequence[Post], now_ms: int) -> Run:
    """Write these posts in the transaction that is open. A post that may not be sent has an error for its outcome."""
    judge = _Judge(db, posts, now_ms)
    outcomes = [judge.judge(post, answer) for post, answer in zip(posts, judge.answers, strict=True)]
    if judge.sealed:
        judge.rows.write(db)
    return Run(judge.with_first_messages(outcomes), judge.sealed)


class _Judge:
    """Decides post by post, in order, what may be sent, and collects its rows."""

    def __init__(self, db: Connection, posts: Sequence[Post], now_ms: int) -> None:
        self.rows = PostRows(now_ms)
        self.sealed: list[tuple[Envelope, int]] = []
        self._db = db
        messages = [post.message for post in posts]
        questions = [(m.channel_id, m.user_id, m.temp_id, m.thread_id) for m in messages]
        self.answers = ask_rows(db, _ASK, questions)
        self._uploads = _uploads(db, [id_ for post in posts for id_ in post.attachment_ids])
        self._sent: dict[tuple[str, str, str], Message] = {}
        self._roots: set[tuple[str, str]] = set()

    def judge(self, post: Post, answer: list[Any]) -> Outcome | str:
        """What becomes of the post; the id of the first message when it was sent in an earlier transaction."""
        try:
            return self._judge(post, answer)
        except ChatError as error:
            return error

    def with_first_messages(self, outcomes: list[Outcome | str]) -> list[Outcome]:
        """Replace the ids of first messages by the messages."""
        ids = [outcome for outcome in outcomes if isinstance(outcome, str)]
        if not ids:
            return outcomes  # type: ignore[return-value]  # no text is left among them
        selection = "SELECT * FROM messages WHERE id IN (SELECT value FROM json_each(?)) LIMIT -1"
        first = {message.id: message for message in read_messages(self._db, selection, orjson.dumps(ids).decode())}
        return [
            Posted(message=first[outcome], duplicate=True) if isinstance(outcome, str) else outcome  # type: ignore[index]
            for outcome in outcomes
        ]

    def _judge(self, post: Post, answer: list[Any]) -> Outcome | str:
        workspace_id, log_number, seq, number, position, replies, everyone, archived_at, joined, first_id, root_id = (
            answer
        )
        message = post.message
        if workspace_id is None:
            raise NotFound.of("channel")
        if first_id is not None:
            return str(first_id)
        sent = self._sent_before(message)
        if sent is not None:
            return Posted(message=sent, duplicate=True)
        self._check(message, archived_at, joined, root_id)
        if post.attachment_ids:
            self._claim(post.attachment_ids, workspace_id, message)
        if message.channel_id not in self.rows.places:
            log = self.rows.logs.setdefault(workspace_id, Log(log_number, seq))
            self.rows.places[message.channel_id] = Place(log, number, position, replies, everyone)
        return self._write(post)

    def _check(self, message: Message, archived_at: int | None, joined: int, root_id: str | None) -> None:
        if archived_at is not None:
            raise Forbidden("This channel is archived: nothing can be sent to it.")
        if not joined:
            raise Forbidden("You are not in this channel: join it first.")
        thread_id = message.thread_id
        if thread_id is not None and root_id is None and (message.channel_id, thread_id) not in self._roots:
            raise NotFound.of("message")
        if "\x00" in message.content:
            raise ValidationFailed.of("content", "must not hold the character U+0000")

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


def _uploads(db: Connection, ids: list[AttachmentId]) -> dict[str, tuple[str, str]]:
    """Free uploads among these: id -> (workspace, uploader)."""
    if not ids:
        return {}
    rows = db.json(_UPLOADS, orjson.dumps(ids).decode())
    return {id_: (workspace_id, user_id) for id_, workspace_id, user_id in rows}
