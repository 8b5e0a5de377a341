"""Members of a workspace."""

from collections.abc import Sequence
from typing import Any

from chat_storage_postgres.columns import NOBODY, known_id
from chat_storage_postgres.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Member, MemberCard, Role

CARD = "u.id, u.display_name, u.avatar_url, m.role::text, u.is_bot, u.deactivated_at IS NOT NULL"
"""What `load_card` reads, from users u and workspace_members m."""

_CARDS = f"""
    SELECT {CARD} FROM workspace_members m JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3
"""
_COUNT = """
    SELECT count(*) FROM workspace_members m JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = $1 AND u.deactivated_at IS NULL
"""
_LEAVE_CHANNELS = """
    DELETE FROM channel_members
    WHERE user_id = $2 AND channel_id IN (SELECT id FROM channels WHERE workspace_id = $1)
"""


def load_card(values: Sequence[Any]) -> MemberCard:
    """The card of a row of `CARD`."""
    user_id, name, avatar, role, is_bot, deactivated = values
    return MemberCard(
        user_id=user_id,
        display_name=name,
        avatar_url=avatar,
        role=Role(role),
        is_bot=is_bot,
        deactivated=deactivated,
    )


class Members(Table[Member]):
    async def delete(self, *key: str) -> bool:
        removed = await super().delete(*key)
        await self._db.run(_LEAVE_CHANNELS, *self._key(key))
        return removed

    async def cards(
        self, workspace_id: WorkspaceId, *, after: UserId | None = None, limit: int | None = None
    ) -> list[MemberCard]:
        rows = await self._db.rows(_CARDS, known_id(workspace_id), NOBODY if after is None else known_id(after), limit)
        return [load_card(values) for values in rows]

    async def count(self, workspace_id: WorkspaceId) -> int:
        return int(await self._db.value(_COUNT, known_id(workspace_id)))
