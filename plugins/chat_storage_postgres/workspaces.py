"""Workspaces: their lists, and what permissions in them depend on."""

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.layouts import WORKSPACES
from chat_storage_postgres.table import Table
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import ChannelType, Position, Role, Workspace
from chatcore.ports import ChannelAccess, WorkspaceAccess, WorkspaceSummary

_OF_USER = f"""
    SELECT m.role::text, (
        SELECT coalesce(sum(c.position - cm.unread_base), 0)::bigint
        FROM channel_members cm JOIN channels c ON c.id = cm.channel_id
        WHERE cm.user_id = m.user_id AND c.workspace_id = w.id
    ), {WORKSPACES.qualified("w")}
    FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.user_id = $1 ORDER BY w.name, w.id
"""
_BY_SLUG = f"SELECT {WORKSPACES.names} FROM workspaces WHERE slug = $1"
_SEQ = "SELECT seq FROM workspaces WHERE id = $1"
_LOCK = "SELECT xmin::text::bigint FROM workspaces WHERE id = $1 FOR NO KEY UPDATE"
_ROLES = """
    SELECT m.user_id, m.role::text FROM workspace_members m JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = $1 AND u.deactivated_at IS NULL
"""
_CHANNELS = """
    SELECT c.id, c.type::text, c.archived_at IS NOT NULL, c.name = 'general' AND c.type <> 'direct',
        array(SELECT cm.user_id FROM channel_members cm WHERE cm.channel_id = c.id)
    FROM channels c WHERE c.workspace_id = $1
"""


class Workspaces(Table[Workspace]):
    def __init__(self, db: Connection, epoch: str) -> None:
        super().__init__(db, WORKSPACES)
        self._epoch = epoch

    async def insert(self, row: Workspace) -> None:
        await super().insert(row)
        self._db.made(row.id)

    async def update(self, row: Workspace) -> None:
        changed_by = await self._db.value(_LOCK, known_id(row.id))
        if changed_by is not None:
            self._db.check_fresh(row.id, changed_by)
        await super().update(row)

    async def by_slug(self, slug: str) -> Workspace | None:
        found = await self._db.row(_BY_SLUG, slug)
        return None if found is None else WORKSPACES.load(found)

    async def of_user(self, user_id: UserId) -> list[WorkspaceSummary]:
        return [
            WorkspaceSummary(workspace=WORKSPACES.load(values), role=Role(role), unread_count=unread)
            for role, unread, *values in await self._db.rows(_OF_USER, known_id(user_id))
        ]

    async def access(self, workspace_id: WorkspaceId) -> WorkspaceAccess | None:
        key = known_id(workspace_id)
        seq = await self._db.value(_SEQ, key)
        if seq is None:
            return None
        roles, channels = await self._db.rows(_ROLES, key), await self._db.rows(_CHANNELS, key)
        return WorkspaceAccess(
            workspace_id=workspace_id,
            position=Position(epoch=self._epoch, seq=seq),
            roles=tuple((user_id, Role(role)) for user_id, role in roles),
            channels=tuple(
                ChannelAccess(
                    id=id_, type=ChannelType(type_), archived=archived, is_general=general, members=tuple(members)
                )
                for id_, type_, archived, general, members in channels
            ),
        )
