"""The queue between a fact and one plugin that observes it."""

import logging
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import trio

if TYPE_CHECKING:
    from chatcore.hooks.implementation import Implementation
    from chatcore.hooks.origin import Origin

_log = logging.getLogger("chatcore.hooks")

QUEUE_LENGTH = 1000
"""Facts that wait for one plugin; at some 1 KB each, what a stuck plugin may cost."""


@attrs.frozen
class Fact:
    """Something that happened, for one implementation. `at` is on Trio's clock."""

    implementation: "Implementation"
    arguments: Mapping[str, Any]
    origin: "Origin"
    at: float


class ObserverQueue:
    """Bounded, in order, for one worker. A full queue drops the newest fact: what was taken is told without a gap."""

    def __init__(self, plugin: str, length: int = QUEUE_LENGTH) -> None:
        self._plugin = plugin
        self._length = length
        self._facts: deque[Fact] = deque()
        self._waiting = trio.lowlevel.ParkingLot()
        self._idle = trio.lowlevel.ParkingLot()
        self._in_hand: Fact | None = None
        self._full = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._facts) + (self._in_hand is not None)

    @property
    def lag(self) -> float:
        """Seconds since the oldest fact that is not handled yet; 0 when there is none."""
        oldest = self._in_hand or (self._facts[0] if self._facts else None)
        return 0.0 if oldest is None else max(0.0, trio.current_time() - oldest.at)

    def put(self, fact: Fact) -> None:
        """Never blocks. A full queue drops the fact, and says so once until there is room again."""
        if len(self._facts) >= self._length:
            self.dropped += 1
            if not self._full:
                self._full = True
                _log.warning(
                    "plugin %s is too slow: its queue of %d is full, facts are dropped", self._plugin, self._length
                )
            return
        self._full = False
        self._facts.append(fact)
        self._waiting.unpark()

    async def get(self) -> Fact:
        """The next fact; asking for it says that the one before is handled."""
        self._in_hand = None
        while not self._facts:
            self._idle.unpark_all()
            await self._waiting.park()
        self._in_hand = self._facts.popleft()
        return self._in_hand

    async def drained(self) -> None:
        """Wait until everything in it is handled."""
        while len(self):
            await self._idle.park()

    def clear(self) -> None:
        """Forget what waits (the plugin was switched off)."""
        self._facts.clear()
        self._in_hand = None
        self._idle.unpark_all()
