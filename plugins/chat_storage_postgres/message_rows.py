"""How messages are read: with their authors' faces, reactions and attachments, however many, in one statement."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from chat_storage_postgres.connection import Connection
from chat_storage_postgres.layouts import ATTACHMENTS
from chatcore.model import Message, MessageKind, ReactionSummary, UserCard

# Most messages have neither reactions nor attachments. To see that costs a look into an index; to gather none costs
# a sort and an aggregate, a quarter of PostgreSQL's time for a page. (Not EXISTS: the planner, who does not know how
# many messages a page has, might gather all that have some.)
LINE = f"""
    m.id, m.channel_id, m.user_id, u.display_name, u.avatar_url, m.content, m.thread_id, m.reply_count,
    m.mentions, m.mentions_all, m.temp_id, m.kind, m.edited_at, m.created_at, m.seq,
    CASE WHEN (SELECT 1 FROM message_reactions r WHERE r.message_id = m.id LIMIT 1) IS NOT NULL THEN
        (SELECT json_agg(json_build_array(r.emoji, r.user_id) ORDER BY r.id)
            FROM message_reactions r WHERE r.message_id = m.id) END,
    CASE WHEN (SELECT 1 FROM attachments a WHERE a.message_id = m.id LIMIT 1) IS NOT NULL THEN
        (SELECT json_agg(json_build_array({ATTACHMENTS.qualified("a")}) ORDER BY a.place)
            FROM attachments a WHERE a.message_id = m.id) END
"""
"""What `load_message` reads, from messages m and users u."""


# By a look into the index for each message: LIMIT keeps the planner, who does not know how many messages a page has,
# from reading all people instead.
AUTHOR = "LATERAL (SELECT display_name, avatar_url FROM users WHERE id = m.user_id LIMIT 1) u ON true"


async def read_messages(db: Connection, selection: str, order: str, *values: Any) -> list[Message]:
    """The messages of a query for rows of `messages`, in an order of their columns."""
    sql = f"SELECT {LINE} FROM ({selection}) m JOIN {AUTHOR} ORDER BY {order}"
    return [load_message(*line) for line in await db.rows(sql, *values)]


def load_message(
    id_: Any,
    channel_id: Any,
    user_id: Any,
    name: str,
    avatar: str | None,
    content: str,
    thread_id: Any,
    reply_count: int,
    mentions: str | None,
    mentions_all: bool,
    temp_id: str | None,
    kind: str | None,
    edited_at: Any,
    created_at: Any,
    seq: int,
    reactions: str | None,
    attachments: str | None,
) -> Message:
    """The message of a row of `LINE`."""
    return Message(
        id=id_,
        channel_id=channel_id,
        user_id=user_id,
        user=_card(name, avatar),
        content=content,
        thread_id=thread_id,
        thread_reply_count=reply_count,
        reactions=_summaries(orjson.loads(reactions)) if reactions else (),
        attachments=tuple(ATTACHMENTS.revive(each) for each in orjson.loads(attachments)) if attachments else (),
        mentions=tuple(orjson.loads(mentions)) if mentions else (),
        mentions_all=mentions_all,
        temp_id=temp_id,
        kind=None if kind is None else MessageKind(kind),
        edited_at=edited_at,
        created_at=created_at,
        seq=seq,
    )


@lru_cache(4096)
def _card(name: str, avatar: str | None) -> UserCard:
    """A page is written by few people: each has one face in it."""
    return UserCard(display_name=name, avatar_url=avatar)


def _summaries(reactions: Sequence[Sequence[str]]) -> tuple[ReactionSummary, ...]:
    users: dict[str, list[Any]] = {}
    for emoji, user_id in reactions:
        users.setdefault(emoji, []).append(user_id)
    return tuple(
        ReactionSummary(emoji=emoji, count=len(members), users=tuple(members)) for emoji, members in users.items()
    )
