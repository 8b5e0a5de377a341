"""Who did what, for the record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from chatcore.ids import AuditId, UserId, WorkspaceId


@attrs.frozen(kw_only=True)
class AuditEntry:
    """`action` is dotted, e.g. `member.role_changed`; `target` is the id of what it was done to."""

    id: AuditId
    workspace_id: WorkspaceId | None = None
    actor_id: UserId | None = None
    action: str
    target: str | None = None
    details: Mapping[str, Any] = attrs.field(factory=dict)
    created_at: datetime
