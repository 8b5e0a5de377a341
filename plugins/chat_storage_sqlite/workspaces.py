"""Workspaces: their lists, and what permissions in them depend on."""

from typing import Any

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.layouts import WORKSPACES
from chat_storage_sqlite.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import ChannelType, Position, Role, Workspace
from chatcore.ports import ChannelAccess, WorkspaceAccess, WorkspaceSummary

_OF_USER = f"""
    SELECT json_group_array(json_array(role, unread, {WORKSPACES.names})) FROM (
        SELECT m.role, w.*, (
            SELECT coalesce(sum(c.position - cm.unread_base), 0)
            FROM channels c JOIN channel_members cm ON cm.channel_id = c.id
            WHERE c.workspace_id = w.id AND cm.user_id = m.user_id
        ) AS unread
        FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
        WHERE m.user_id = ? ORDER BY w.name, w.id
    )
"""
_ROLES = """
    SELECT json_group_array(json_array(m.user_id, m.role))
    FROM workspace_members m JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = ? AND u.deactivated_at IS NULL
"""
_CHANNELS = """
    SELECT json_group_array(json_array(
        c.id, c.type, c.archived_at IS NOT NULL, c.name = 'general' AND c.type <> 'direct', json((
            SELECT json_group_array(cm.user_id) FROM channel_members cm WHERE cm.channel_id = c.id
        ))
    ))
    FROM channels c WHERE c.workspace_id = ?
"""


class Workspaces(Table[Workspace]):
    def __init__(self, db: Connection, epoch: str) -> None:
        super().__init__(db, WORKSPACES)
        self._epoch = epoch

    async def by_slug(self, slug: str) -> Workspace | None:
        found = self._db.row(f"SELECT {WORKSPACES.names} FROM workspaces WHERE slug = ?", slug)
        return None if found is None else WORKSPACES.load(found)

    async def of_user(self, user_id: UserId) -> list[WorkspaceSummary]:
        return [
            WorkspaceSummary(workspace=WORKSPACES.load(values), role=Role(role), unread_count=unread)
            for role, unread, *values in self._db.json(_OF_USER, user_id)
        ]

    async def access(self, workspace_id: WorkspaceId) -> WorkspaceAccess | None:
        seq = self._db.value("SELECT seq FROM workspaces WHERE id = ?", workspace_id)
        if seq is None:
            return None
        return WorkspaceAccess(
            workspace_id=workspace_id,
            position=Position(epoch=self._epoch, seq=seq),
            roles=tuple((user_id, Role(role)) for user_id, role in self._db.json(_ROLES, workspace_id)),
            channels=tuple(_channel_access(values) for values in self._db.json(_CHANNELS, workspace_id)),
        )


def _channel_access(values: list[Any]) -> ChannelAccess:
    id_, type_, archived, general, members = values
    return ChannelAccess(
        id=id_,
        type=ChannelType(type_),
        archived=bool(archived),
        is_general=bool(general),
        members=tuple(members),
    )
