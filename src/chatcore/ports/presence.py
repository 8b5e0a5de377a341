"""The presence port: who is there, over all of a person's devices and all nodes.

A person's status is the best of their connections' (online, then away, then offline); without a connection it is
offline
after a grace of some seconds, so that a reload of a page is no departure.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from chatcore.ids import UserId
from chatcore.model import Presence, PresenceStatus

PresenceListener = Callable[[Presence, bool], None]
"""Given what is shown of a person now, and whether this is the node where it came about: of several nodes, all are
told, and it is so on one of them."""


class PresenceTracker(Protocol):
    def on_change(self, listener: PresenceListener) -> None:
        """Call `listener` in the Trio thread whenever a person's status changes, wherever. It must be quick."""
        ...

    async def connect(self, user_id: UserId, connection_id: str, status: PresenceStatus) -> None:
        """A device connected, with this status."""
        ...

    async def update(self, user_id: UserId, connection_id: str, status: PresenceStatus) -> None:
        """A device says that its person is online, away, or wants to look offline."""
        ...

    async def disconnect(self, user_id: UserId, connection_id: str) -> None:
        """A device is gone. Doing it twice is harmless."""
        ...

    async def get(self, user_ids: Iterable[UserId]) -> dict[UserId, Presence]:
        """The status of each of these people, unknown ones as offline."""
        ...

    async def health(self) -> dict[str, Any]:
        """Quick facts for readiness: `{"ok": bool, ...}`. Never raises."""
        ...
