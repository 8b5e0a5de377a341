"""The bus port: carries envelopes between the nodes of one installation.

Promises: `publish` never blocks and never raises; this node's subscribers have been called when it returns, those of
other nodes soon after, in the order of publishing. Between nodes an envelope may be lost (never doubled): the hub
notices a
gap in `seq` and reads the log. Ephemeral envelopes (seq 0) that are lost are lost.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from chatcore.ports.envelope import Envelope

Deliver = Callable[[Sequence[Envelope]], None]


class Bus(Protocol):
    def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand envelopes to every subscriber, this node's own before it returns."""
        ...

    def subscribe(self, deliver: Deliver) -> AbstractContextManager[None]:
        """While the context is open, call `deliver` in the Trio thread with what is published. It must be quick."""
        ...

    async def health(self) -> dict[str, Any]:
        """Quick facts for readiness: `{"ok": bool, ...}`. Never raises."""
        ...
