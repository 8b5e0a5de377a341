"""Channels, and their list as one person sees it."""

from typing import Any

from chat_storage_sqlite.columns import from_ms
from chat_storage_sqlite.layouts import CHANNELS
from chat_storage_sqlite.reads import STATE, load_state
from chat_storage_sqlite.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Channel, ChannelSummary, LastMessage, ReadState, UserCard

# One statement for the whole list; whatever is asked of a channel is one step into an index.
_SUMMARIES = f"""
    SELECT json_group_array(json(line)) FROM (
        SELECT json_array(
            json_array({CHANNELS.qualified("c")}),
            cm.user_id IS NOT NULL,
            json_array({STATE}),
            json((
                SELECT json_array(p.content, p.created_at, u.display_name, u.avatar_url)
                FROM messages p JOIN users u ON u.id = p.user_id
                WHERE p.row BETWEEN c.number << 33 AND (c.number << 33) + c.position ORDER BY p.row DESC LIMIT 1
            )),
            EXISTS (SELECT 1 FROM huddles h WHERE h.channel_id = c.id AND h.status = 'active'),
            json(CASE WHEN c.type = 'direct' THEN (
                SELECT json_group_array(d.user_id) FROM channel_members d WHERE d.channel_id = c.id
            ) END)
        ) AS line
        FROM channels c LEFT JOIN channel_members cm ON cm.channel_id = c.id AND cm.user_id = ?2
        WHERE c.workspace_id = ?1 AND (cm.user_id IS NOT NULL OR (?3 AND c.type = 'public'))
        ORDER BY c.name
    )
"""


class Channels(Table[Channel]):
    async def by_name(self, workspace_id: WorkspaceId, name: str) -> Channel | None:
        sql = f"SELECT {CHANNELS.names} FROM channels WHERE workspace_id = ? AND name = ?"
        found = self._db.row(sql, workspace_id, name)
        return None if found is None else CHANNELS.load(found)

    async def summaries(self, workspace_id: WorkspaceId, user_id: UserId, *, public: bool) -> list[ChannelSummary]:
        rows = self._db.json(_SUMMARIES, workspace_id, user_id, public)
        return [_summary(user_id, *values) for values in rows]


def _summary(
    user_id: UserId,
    values: list[Any],
    joined: int,
    state: list[Any],
    last: list[Any] | None,
    in_huddle: int,
    members: list[UserId] | None,
) -> ChannelSummary:
    channel = CHANNELS.load(values)
    return ChannelSummary(
        channel=channel,
        joined=bool(joined),
        read=load_state(state) if joined else ReadState(channel_id=channel.id, user_id=user_id),
        last_message=None if last is None else _last_message(*last),
        is_huddle_active=bool(in_huddle),
        members=tuple(members or ()),
    )


def _last_message(content: str, created_at: int, name: str, avatar: str | None) -> LastMessage:
    return LastMessage(
        content=content, timestamp=from_ms(created_at), user=UserCard(display_name=name, avatar_url=avatar)
    )
