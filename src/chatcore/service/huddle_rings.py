"""Ringing somebody in a direct message: said, never stored. A ring ends when they answer, decline, or in 30 s."""

from collections.abc import Sequence

import attrs
import trio

from chatcore.events import HuddleEnded, HuddleRing, HuddleUserJoined, RingStatus
from chatcore.ids import HuddleId, UserId, WorkspaceId
from chatcore.ports import Envelope
from chatcore.service.core import Core

RING_SECONDS = 30

Key = tuple[HuddleId, UserId]


@attrs.frozen
class _Ringing:
    ring: HuddleRing
    until: float


class Rings:
    """The rings that began on this node. `run` must be running."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ringing: dict[Key, _Ringing] = {}
        """In the order in which they end: all ring equally long."""
        self._some = trio.Event()

    def start(self, ring: HuddleRing) -> None:
        """Begin to ring; who is being rung already goes on being rung."""
        key = ring.huddle_id, ring.to_user_id
        if key not in self._ringing:
            self._ringing[key] = _Ringing(ring, trio.current_time() + RING_SECONDS)
            self._core.hub.announce(ring)
            self._some.set()

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: who joins has answered; who declines may do so by way of another node."""
        for envelope in envelopes:
            if not self._ringing:
                return
            if envelope.type in (HuddleUserJoined.type, HuddleRing.type, HuddleEnded.type):
                event = envelope.event
                if isinstance(event, HuddleUserJoined):
                    self._finish((event.huddle_id, event.user.user_id), RingStatus.ANSWERED)
                elif isinstance(event, HuddleRing) and event.status is RingStatus.DECLINED:
                    self._ringing.pop((event.huddle_id, event.to_user_id), None)
                elif isinstance(event, HuddleEnded):
                    for key in [key for key in self._ringing if key[0] == event.huddle_id]:
                        self._finish(key, RingStatus.MISSED)

    async def run(self) -> None:
        """Let the rings end, until cancelled."""
        while True:
            await self._some.wait()
            while self._ringing:
                key, ringing = next(iter(self._ringing.items()))
                await trio.sleep_until(ringing.until)
                if self._ringing.get(key) is ringing:
                    self._finish(key, RingStatus.MISSED)
            self._some = trio.Event()

    def _finish(self, key: Key, status: RingStatus) -> None:
        ringing = self._ringing.pop(key, None)
        if ringing is not None:
            self._core.hub.announce(attrs.evolve(ringing.ring, status=status))
