"""An invitation into a workspace: a link that carries a role."""

from datetime import datetime

import attrs

from chatcore.ids import InviteId, UserId, WorkspaceId
from chatcore.model.member import Role


@attrs.frozen(kw_only=True)
class Invite:
    """Only the SHA-256 of the token is stored; the token itself is shown once, to the one who made it."""

    id: InviteId
    workspace_id: WorkspaceId
    token_hash: str
    role: Role
    created_by: UserId
    created_at: datetime
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int = 0
    revoked_at: datetime | None = None
