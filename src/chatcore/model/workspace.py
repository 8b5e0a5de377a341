"""A team's home: its members, its channels, and the event log that they share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from chatcore.ids import UserId, WorkspaceId


@attrs.frozen(kw_only=True)
class Workspace:
    """`settings` is free JSON; Chatcore itself reads `openJoin` (bool: anyone signed in may join)."""

    id: WorkspaceId
    name: str
    slug: str
    description: str | None = None
    avatar_url: str | None = None
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    created_by: UserId
    created_at: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True)
class Position:
    """A place in a workspace's event log.

    `epoch` names one history of the log; a restored backup or a copied database begins a new one, so that a cursor
    from the lost history can never be mistaken for one of the new. `seq` counts from 1; 0 is before the first event.
    """

    epoch: str
    seq: int
