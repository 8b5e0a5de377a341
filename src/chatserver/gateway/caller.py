"""Who says a frame."""

from typing import Any

import attrs

from chatcore import Chat
from chatcore.ids import UserId
from chatserver.ratelimit import RateLimiter

NOTHING: dict[str, Any] = {}
"""The data of a reply that says no more than that it is done."""


@attrs.frozen
class Caller:
    """Who asks, on which connection."""

    chat: Chat
    limiter: RateLimiter
    user_id: UserId
    connection_id: str
