"""Those who listen to a bus on this node: what every bus has in common."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chatcore.ports.bus import Deliver
from chatcore.ports.envelope import Envelope


class Subscribers:
    """Calls subscribers on the spot, in the Trio thread.

    What a subscriber publishes while it is being called waits until the others have had what came before: everybody
    sees one order. A subscriber that raises is logged, and costs the others nothing.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._subscribers: dict[object, Deliver] = {}
        self._waiting: deque[Sequence[Envelope]] = deque()
        self._delivering = False

    def __len__(self) -> int:
        return len(self._subscribers)

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Hand envelopes to every subscriber before returning."""
        self._waiting.append(tuple(envelopes))
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._waiting:
                self._deliver(self._waiting.popleft())
        finally:
            self._delivering = False

    def _deliver(self, envelopes: Sequence[Envelope]) -> None:
        for key, deliver in list(self._subscribers.items()):
            if key not in self._subscribers:  # it left while the others were called
                continue
            try:
                deliver(envelopes)
            except Exception:
                self._log.exception("a subscriber of the bus failed; %d events are lost to it", len(envelopes))

    @contextmanager
    def subscribe(self, deliver: Deliver) -> Iterator[None]:
        """While the context is open, call `deliver` with what is published."""
        key = object()
        self._subscribers[key] = deliver
        try:
            yield
        finally:
            del self._subscribers[key]
