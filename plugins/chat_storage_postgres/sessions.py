"""Sessions, and the questions that are asked of all of them."""

from datetime import datetime

from chat_storage_postgres.layouts import SESSIONS
from chat_storage_postgres.table import Table
from chatcore.model import Session


class Sessions(Table[Session]):
    async def revoked_since(self, moment: datetime) -> list[Session]:
        return await self.select(
            f"SELECT {SESSIONS.names} FROM sessions WHERE revoked_at >= $1 ORDER BY revoked_at, id", moment
        )

    async def forget_expired(self, before: datetime) -> int:
        return await self._db.run("DELETE FROM sessions WHERE expires_at < $1", before)
