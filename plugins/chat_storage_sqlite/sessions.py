"""Sessions, and the questions that are asked of all of them."""

from datetime import datetime

from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.layouts import SESSIONS
from chat_storage_sqlite.table import Table
from chatcore.model import Session


class Sessions(Table[Session]):
    async def revoked_since(self, moment: datetime) -> list[Session]:
        return self.select(
            f"SELECT {SESSIONS.names} FROM sessions WHERE revoked_at >= ? ORDER BY revoked_at, id", to_ms(moment)
        )

    async def forget_expired(self, before: datetime) -> int:
        return self._db.run("DELETE FROM sessions WHERE expires_at < ?", to_ms(before))
