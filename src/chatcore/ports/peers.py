"""What the nodes of one installation tell each other, beside the events of workspaces: over the bus, and as lossy.

So it must never be the only way: whoever tells something says it again, or leaves it where the others look.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import orjson

from chatcore.events import EVERYONE
from chatcore.ids import WorkspaceId
from chatcore.ports.bus import Bus
from chatcore.ports.envelope import Envelope

NODES = WorkspaceId("00000000-0000-7000-8000-000000000001")
"""Stands where an event has its workspace. No workspace has this id: its time lies in 1970."""

Listen = Callable[[str, Any], None]
"""Given the node that speaks, and what it says. It must be quick."""

log = logging.getLogger("chatcore.peers")


class Peers:
    """The other nodes, as this one sees them. `node` is this one's own name, new with every start.

    `alone`: there are no others, and never will be.
    """

    def __init__(self, bus: Bus, *, alone: bool = False) -> None:
        self.alone = alone
        self.node = uuid4().hex
        self._bus = bus
        self._listeners: dict[str, list[Listen]] = {}

    def tell(self, topic: str, what: Any) -> None:
        """Say something to the other nodes: plain JSON. Never blocks, never raises for want of a bus."""
        data = orjson.dumps([self.node, what])
        self._bus.publish([Envelope(NODES, "", 0, topic, EVERYONE, data)])

    def listen(self, topic: str, listen: Listen) -> None:
        """Call `listen` in the Trio thread with what other nodes say on a topic."""
        self._listeners.setdefault(topic, []).append(listen)

    async def deaf_for(self) -> float:
        """Seconds since the others could last be heard for certain; 0 where the bus does not tell."""
        return float((await self._bus.health()).get("echo", 0.0))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While the context is open, the others are heard."""
        with self._bus.subscribe(self._received):
            yield

    def _received(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if envelope.seq == 0 and envelope.workspace_id == NODES:
                self._heard(envelope)

    def _heard(self, envelope: Envelope) -> None:
        listeners = self._listeners.get(envelope.type, ())
        if not listeners:
            return
        node, what = orjson.loads(envelope.data)
        if node == self.node:
            return
        for listen in listeners:
            try:
                listen(node, what)
            except Exception:
                log.exception("what another node said could not be dealt with", extra={"topic": envelope.type})
