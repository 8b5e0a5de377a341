"""Who says a frame."""

from typing import Any

import attrs

from chatcore import Chat
from chatcore.ids import UserId
from chatcore.service.identity import Identity
from chatserver.ratelimit import RateLimiter

NOTHING: dict[str, Any] = {}
"""The data of a reply that says no more than that it is done."""


@attrs.frozen
class Caller:
    """Who asks, on which connection."""

    chat: Chat
    limiter: RateLimiter
    identity: Identity
    connection_id: str

    @property
    def user_id(self) -> UserId:
        return self.identity.user_id
