"""Channels, and their list as one person sees it."""

from collections.abc import Sequence

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.layouts import CHANNELS
from chat_storage_postgres.reads import STATE, load_state
from chat_storage_postgres.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Channel, ChannelSummary, LastMessage, ReadState, UserCard

_BY_NAME = f"SELECT {CHANNELS.names} FROM channels WHERE workspace_id = $1 AND name = $2"
# One statement for the whole list; whatever is asked of a channel is one step into an index.
_SUMMARIES = f"""
    SELECT {CHANNELS.qualified("c")}, cm.user_id IS NOT NULL, {STATE},
        p.content, p.created_at, u.display_name, u.avatar_url,
        EXISTS (SELECT 1 FROM huddles h WHERE h.channel_id = c.id AND h.status = 'active'),
        CASE WHEN c.type = 'direct' THEN array(
            SELECT d.user_id FROM channel_members d WHERE d.channel_id = c.id
        ) END
    FROM channels c
    LEFT JOIN channel_members cm ON cm.channel_id = c.id AND cm.user_id = $2
    LEFT JOIN LATERAL (
        SELECT m.content, m.created_at, m.user_id FROM messages m
        WHERE m.channel_id = c.id AND m.thread_id IS NULL ORDER BY m.seq DESC LIMIT 1
    ) p ON true
    LEFT JOIN users u ON u.id = p.user_id
    WHERE c.workspace_id = $1 AND (cm.user_id IS NOT NULL OR ($3 AND c.type = 'public'))
    ORDER BY c.name
"""
_WIDTH = len(CHANNELS.columns)


class Channels(Table[Channel]):
    async def by_name(self, workspace_id: WorkspaceId, name: str) -> Channel | None:
        found = await self._db.row(_BY_NAME, known_id(workspace_id), name)
        return None if found is None else CHANNELS.load(found)

    async def summaries(self, workspace_id: WorkspaceId, user_id: UserId, *, public: bool) -> list[ChannelSummary]:
        rows = await self._db.rows(_SUMMARIES, known_id(workspace_id), known_id(user_id), public)
        return [_summary(user_id, tuple(values)) for values in rows]


def _summary(user_id: UserId, values: Sequence[object]) -> ChannelSummary:
    channel, joined = CHANNELS.load(values[:_WIDTH]), bool(values[_WIDTH])
    state, rest = values[_WIDTH + 1 : _WIDTH + 7], values[_WIDTH + 7 :]
    content, said_at, name, avatar, in_huddle, members = rest
    last = None
    if content is not None:
        card = UserCard(display_name=name, avatar_url=avatar)  # type: ignore[arg-type]  # columns of the query
        last = LastMessage(content=content, timestamp=said_at, user=card)  # type: ignore[arg-type]  # as above
    return ChannelSummary(
        channel=channel,
        joined=joined,
        read=load_state(state) if joined else ReadState(channel_id=channel.id, user_id=user_id),
        last_message=last,
        is_huddle_active=bool(in_huddle),
        members=tuple(members or ()),  # type: ignore[arg-type]  # as above
    )
