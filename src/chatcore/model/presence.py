"""Whether somebody is there."""

from datetime import datetime
from enum import StrEnum

import attrs

from chatcore.ids import UserId


class PresenceStatus(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@attrs.frozen(kw_only=True)
class Presence:
    user_id: UserId
    status: PresenceStatus
    last_seen: datetime | None = None
