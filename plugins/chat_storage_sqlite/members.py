"""Members of a workspace."""

from typing import Any

from chat_storage_sqlite.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Member, MemberCard, Role

CARD = "u.id, u.display_name, u.avatar_url, m.role, u.is_bot, u.deactivated_at IS NOT NULL"
"""What `load_card` reads, from users u and workspace_members m."""

_CARDS = f"""
    SELECT json_group_array(json(card)) FROM (
        SELECT json_array({CARD}) AS card
        FROM workspace_members m JOIN users u ON u.id = m.user_id
        WHERE m.workspace_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?
    )
"""
_COUNT = """
    SELECT count(*) FROM workspace_members m JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = ? AND u.deactivated_at IS NULL
"""
_LEAVE_CHANNELS = """
    DELETE FROM channel_members
    WHERE user_id = ?2 AND channel_id IN (SELECT id FROM channels WHERE workspace_id = ?1)
"""


def load_card(values: list[Any]) -> MemberCard:
    """The card of a row of `CARD`."""
    user_id, name, avatar, role, is_bot, deactivated = values
    return MemberCard(
        user_id=user_id,
        display_name=name,
        avatar_url=avatar,
        role=Role(role),
        is_bot=bool(is_bot),
        deactivated=bool(deactivated),
    )


class Members(Table[Member]):
    async def delete(self, *key: str) -> bool:
        removed = await super().delete(*key)
        self._db.run(_LEAVE_CHANNELS, *key)
        return removed

    async def cards(
        self, workspace_id: WorkspaceId, *, after: UserId | None = None, limit: int | None = None
    ) -> list[MemberCard]:
        rows = self._db.json(_CARDS, workspace_id, after or "", -1 if limit is None else limit)
        return [load_card(values) for values in rows]

    async def count(self, workspace_id: WorkspaceId) -> int:
        return int(self._db.value(_COUNT, workspace_id))
