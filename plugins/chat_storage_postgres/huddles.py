"""Huddles."""

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.table import Table
from chatcore.ids import ChannelId, HuddleId
from chatcore.model import Huddle


class Huddles(Table[Huddle]):
    async def channel_of(self, huddle_id: HuddleId) -> ChannelId | None:
        sql = "SELECT channel_id FROM huddles WHERE id = $1"
        channel_id: ChannelId | None = await self._db.value(sql, known_id(huddle_id))
        return channel_id
