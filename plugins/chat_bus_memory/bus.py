"""The bus within one process."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from chatcore.ports import Envelope, Subscribers
from chatcore.ports.bus import Deliver

log = logging.getLogger("chatcore.bus.memory")


class MemoryBus:
    """A `chatcore.ports.Bus` that calls its subscribers on the spot; there are no other nodes."""

    def __init__(self) -> None:
        self._subscribers = Subscribers(log)

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand envelopes to every subscriber before returning."""
        self._subscribers.deliver(envelopes)

    def subscribe(self, deliver: Deliver) -> AbstractContextManager[None]:
        """While the context is open, call `deliver` with what is published."""
        return self._subscribers.subscribe(deliver)

    async def health(self) -> dict[str, Any]:
        """Always well: it is as alive as the process."""
        return {"ok": True, "subscribers": len(self._subscribers)}
