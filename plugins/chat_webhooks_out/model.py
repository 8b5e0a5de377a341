"""A webhook, and what is on its way to it."""

from datetime import datetime
from typing import Any

import attrs

from chatcore import wire
from chatcore.events import EVENTS
from chatcore.ids import ChannelId, UserId, WorkspaceId

DURABLE = tuple(sorted(name for name, event in EVENTS.items() if event.durable))
"""The events that a webhook can ask for: what is gone in a moment is not sent later."""
MAX_BODY = 48 * 1024
"""Bytes of one delivery that are kept; a larger one is sent without its data."""


@attrs.frozen(kw_only=True)
class Webhook:
    """Sends events of a workspace, as `owner_id` may see them, to `url`. No `events` means all; no channel, everywhere.

    `broken` says why it no longer works, until somebody makes it anew.
    """

    id: str
    workspace_id: WorkspaceId
    owner_id: UserId
    url: str
    secret: str = attrs.field(repr=False)
    events: tuple[str, ...] = ()
    channel_id: ChannelId | None = None
    created_at: datetime
    broken: str = ""


@attrs.frozen(kw_only=True)
class Delivery:
    """One event on its way to one webhook. `due_at`: Unix seconds; `attempts`: those that failed, `error`: the last."""

    hook_id: str
    seq: int
    type: str
    body: str
    due_at: float
    attempts: int = 0
    error: str = ""

    @property
    def id(self) -> str:
        """The same for every attempt: by it a receiver knows what it has seen."""
        return f"{self.hook_id}.{self.seq}"


def dump(value: Any) -> bytes:
    """As it is kept."""
    return wire.encode(value)


def load_webhook(data: bytes) -> Webhook:
    return wire.structure(wire.decode(data), Webhook)


def load_delivery(data: bytes) -> Delivery:
    return wire.structure(wire.decode(data), Delivery)
