"""Huddles."""

from chat_storage_sqlite.table import Table
from chatcore.ids import ChannelId, HuddleId
from chatcore.model import Huddle


class Huddles(Table[Huddle]):
    async def channel_of(self, huddle_id: HuddleId) -> ChannelId | None:
        channel_id: ChannelId | None = self._db.value("SELECT channel_id FROM huddles WHERE id = ?", huddle_id)
        return channel_id
