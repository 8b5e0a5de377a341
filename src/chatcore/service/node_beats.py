"""Which nodes are there: each says so every second, over the bus. Times are Trio's.

One that says nothing for 5 s is gone, unless it is this node that cannot hear: then nobody is held to be gone. What
rests on that must bear an error: a node that was only slow finds out by itself what was taken from it.
"""

from collections.abc import Callable
from typing import Any

import attrs
import trio

from chatcore.ports import Peers

BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.5
DEAF_SECONDS = 2.5
"""Without an echo of its own beats for so long, a node hears nobody."""
SILENT_SECONDS = 5.0
"""Longer than a beat, `DEAF_SECONDS` and a look together: a node that is cut off must not take the others for gone."""
FORGET_SECONDS = 3600.0
BEAT, BYE = "beat", "bye"

Facts = dict[str, Any]
"""What a node says of itself: plain JSON."""


@attrs.define(eq=False)
class _Heard:
    at: float
    facts: Facts | None
    """None: it is only known by name."""
    ended: bool = False
    told: bool = False


class NodeBeats:
    """See the module. `run` must be running. `facts` are asked for with every beat."""

    def __init__(self, peers: Peers, facts: Callable[[], Facts]) -> None:
        self._peers = peers
        self._facts = facts
        self._heard: dict[str, _Heard] = {}
        self._hearing_since = trio.current_time()
        self._listeners: list[Callable[[str], None]] = []
        peers.listen(BEAT, self._hear)
        peers.listen(BYE, self._hear_end)

    def on_gone(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the name of each node that was heard and is gone. It must be quick."""
        self._listeners.append(listener)

    def present(self) -> dict[str, Facts]:
        """The others that are there, and what they said last."""
        heard = {node: each.facts for node, each in self._heard.items() if not self.is_gone(node)}
        return {node: facts for node, facts in heard.items() if facts is not None}

    def is_gone(self, node: str) -> bool:
        """Whether the node has ended, or is as good as ended. This one never is."""
        if node == self._peers.node:
            return False
        heard = self._heard.get(node)
        if heard is not None and heard.ended:
            return True
        if heard is None:
            # It may have begun just now, and what it says is still on its way.
            heard = self._heard[node] = _Heard(trio.current_time(), None)
        return max(heard.at, self._hearing_since) + SILENT_SECONDS <= trio.current_time()

    async def run(self) -> None:
        """Say that this node is there, and notice who is not any more, until cancelled."""
        due = trio.current_time()
        try:
            while True:
                if due <= trio.current_time():
                    self._peers.tell(BEAT, self._facts())
                    due = trio.current_time() + BEAT_SECONDS
                await trio.sleep(LOOK_SECONDS)
                if await self._peers.deaf_for() > DEAF_SECONDS:
                    self._hearing_since = trio.current_time()
                self._look()
        finally:
            self._peers.tell(BYE, None)

    def _look(self) -> None:
        now = trio.current_time()
        for node, heard in list(self._heard.items()):
            if not heard.told and self.is_gone(node):
                heard.told = True
                for listener in self._listeners:
                    listener(node)
            elif heard.told and heard.at + FORGET_SECONDS <= now:
                del self._heard[node]

    def _hear(self, node: str, facts: Any) -> None:
        known = self._heard.get(node)
        self._heard[node] = _Heard(trio.current_time(), facts)
        if known is None or known.facts is None:
            self._peers.tell(BEAT, self._facts())  # it need not wait to hear of us

    def _hear_end(self, node: str, _: Any) -> None:
        heard = self._heard.get(node)
        if heard is not None:
            heard.ended = True
            self._look()
