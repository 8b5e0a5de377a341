"""Members of a channel."""

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.members import CARD, load_card
from chat_storage_postgres.reads import place_marker, position_at
from chat_storage_postgres.table import Table
from chatcore.ids import ChannelId
from chatcore.model import ChannelMember, MemberCard

_JOIN = "INSERT INTO channel_members (channel_id, user_id, joined_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_CARDS = f"""
    SELECT {CARD}
    FROM channel_members cm
    JOIN channels c ON c.id = cm.channel_id
    JOIN users u ON u.id = cm.user_id
    JOIN workspace_members m ON m.workspace_id = c.workspace_id AND m.user_id = cm.user_id
    WHERE cm.channel_id = $1 ORDER BY cm.user_id
"""


class ChannelMembers(Table[ChannelMember]):
    async def insert(self, row: ChannelMember) -> None:
        """Add a member to whom everything in the channel is unread."""
        await self._db.lock_channel(row.channel_id)
        await super().insert(row)
        await place_marker(self._db, row.channel_id, row.user_id, seq=0, position=0)

    async def join(self, member: ChannelMember, seq: int) -> bool:
        await self._db.lock_channel(member.channel_id)
        if not await self._db.run(_JOIN, member.channel_id, member.user_id, member.joined_at):
            return False
        position = await position_at(self._db, member.channel_id, seq)
        await place_marker(self._db, member.channel_id, member.user_id, seq=seq, position=position)
        return True

    async def cards(self, channel_id: ChannelId) -> list[MemberCard]:
        return [load_card(values) for values in await self._db.rows(_CARDS, known_id(channel_id))]
