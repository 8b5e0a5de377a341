"""How messages are read: with their authors' faces, reactions and attachments, however many, in one statement."""

from typing import Any

from chat_storage_sqlite.columns import from_ms
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.layouts import ATTACHMENTS
from chatcore.model import Message, MessageKind, ReactionSummary, UserCard

_LINE = f"""
    json_array(
        m.id, m.channel_id, m.user_id, u.display_name, u.avatar_url, m.content, m.thread_id, m.reply_count,
        json(m.mentions), m.mentions_all, m.temp_id, m.kind, m.edited_at, m.created_at, m.seq,
        json((SELECT json_group_array(json_array(r.emoji, r.user_id))
            FROM (SELECT * FROM message_reactions WHERE message_id = m.id ORDER BY id) r)),
        json((SELECT json_group_array(json_array({ATTACHMENTS.qualified("a")}))
            FROM (SELECT * FROM attachments WHERE message_id = m.id ORDER BY place) a))
    )
"""


def read_messages(db: Connection, selection: str, *values: Any) -> list[Message]:
    """The messages of a query for rows of `messages`, in its order."""
    sql = f"SELECT json_group_array({_LINE}) FROM ({selection}) m CROSS JOIN users u ON u.id = m.user_id"
    return [_load(*line) for line in db.json(sql, *values)]


def _load(
    id_: Any,
    channel_id: Any,
    user_id: Any,
    name: str,
    avatar: str | None,
    content: str,
    thread_id: Any,
    reply_count: int,
    mentions: list[Any] | None,
    mentions_all: int,
    temp_id: str | None,
    kind: str | None,
    edited_at: int | None,
    created_at: int,
    seq: int,
    reactions: list[list[Any]],
    attachments: list[list[Any]],
) -> Message:
    return Message(
        id=id_,
        channel_id=channel_id,
        user_id=user_id,
        user=UserCard(display_name=name, avatar_url=avatar),
        content=content,
        thread_id=thread_id,
        thread_reply_count=reply_count,
        reactions=_summaries(reactions) if reactions else (),
        attachments=tuple(ATTACHMENTS.load(values) for values in attachments),
        mentions=tuple(mentions or ()),
        mentions_all=bool(mentions_all),
        temp_id=temp_id,
        kind=None if kind is None else MessageKind(kind),
        edited_at=None if edited_at is None else from_ms(edited_at),
        created_at=from_ms(created_at),
        seq=seq,
    )


def _summaries(reactions: list[list[Any]]) -> tuple[ReactionSummary, ...]:
    users: dict[str, list[Any]] = {}
    for emoji, user_id in reactions:
        users.setdefault(emoji, []).append(user_id)
    return tuple(
        ReactionSummary(emoji=emoji, count=len(members), users=tuple(members)) for emoji, members in users.items()
    )
