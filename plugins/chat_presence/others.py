"""Who is there on the other nodes: what each of them says of its own people, and when it was last heard.

A node tells of every change, numbered, and shows every few seconds that it lives, with the number of its last change.
Who missed one asks for the whole. Nodes that fall silent take their people with them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import trio

from chatcore.ids import UserId
from chatcore.model import PresenceStatus
from chatcore.ports import Clock, Peers

TOPIC = "presence"
PULSE_SECONDS = 10.0
DEAD_SECONDS = 40.0
"""A node that was not heard for so long is gone: four pulses, and well below the minute for which its people may seem
to be there."""
SWEEP_SECONDS = 1.0
ASK_SECONDS = 2.0
"""The same node is not asked again sooner, and does not answer again sooner."""
PART = 1_000
"""People told of at once."""

Changed = Callable[[UserId, datetime | None, bool], None]
"""Given a person whose status elsewhere is another now, when they were last seen there if they are gone, and whether it
is for this node to act on it."""


@attrs.define(eq=False)
class _Node:
    """`heard`: when it was last, `until`: how long it is waited for. `number`: its last change that we know of; None
    until it was heard whole.
    """

    heard: float = 0.0
    until: float = 0.0
    number: int | None = None
    people: dict[UserId, PresenceStatus] = attrs.field(factory=dict)
    gathering: dict[UserId, PresenceStatus] = attrs.field(factory=dict)
    asked: float = -math.inf


class Others:
    """See the module. `run` must be running.

    mine: who is there on this node.
    """

    def __init__(
        self,
        peers: Peers,
        clock: Clock,
        *,
        changed: Changed,
        mine: Callable[[], Iterable[tuple[UserId, PresenceStatus]]],
        grace: float,
    ) -> None:
        self._peers = peers
        self._clock = clock
        self._changed = changed
        self._mine = mine
        self._grace = grace
        self._nodes: dict[str, _Node] = {}
        self._number = 0
        self._asked = False
        peers.listen(TOPIC, self._received)

    def __len__(self) -> int:
        return len(self._nodes)

    def statuses(self, user_id: UserId) -> list[PresenceStatus]:
        """What other nodes say of somebody."""
        return [node.people[user_id] for node in self._nodes.values() if user_id in node.people]

    def say(self, user_id: UserId, status: PresenceStatus, last_seen: datetime | None) -> None:
        """Somebody's status here changed."""
        self._number += 1
        seen = None if last_seen is None else last_seen.timestamp()
        self._tell("change", [self._number, user_id, status.value, seen])

    def goodbye(self) -> None:
        """This node goes; its people may be coming back on another."""
        self._tell("bye", None)

    async def run(self) -> None:
        """Show that this node lives, and notice those that do not; never returns."""
        self._tell("ask", None)
        pulse_due = trio.current_time()
        while True:
            if trio.current_time() >= pulse_due:
                pulse_due += PULSE_SECONDS
                self._tell("pulse", self._number)
            if self._asked:
                self._asked = False
                self._tell_whole()
            self._sweep()
            await trio.sleep(SWEEP_SECONDS)

    # --- speaking --------------------------------------------------------------------------------------------------

    def _tell(self, kind: str, what: Any) -> None:
        self._peers.tell(TOPIC, [kind, what])

    def _tell_whole(self) -> None:
        people = [[user_id, status.value] for user_id, status in self._mine()]
        parts = [people[start : start + PART] for start in range(0, len(people), PART)] or [[]]
        for index, part in enumerate(parts):
            self._tell("whole", [self._number, index == 0, index == len(parts) - 1, part])

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _received(self, name: str, said: Any) -> None:
        kind, what = said
        if kind == "bye":
            self._leave(name)
            return
        node = self._nodes.setdefault(name, _Node())
        node.heard = trio.current_time()
        node.until = node.heard + DEAD_SECONDS
        match kind:
            case "change":
                self._take_change(name, node, *what)
            case "pulse" if what != node.number:
                self._ask(name, node)
            case "whole":
                self._take_whole(node, *what)
            case "ask" if what in (None, self._peers.node):
                self._asked = True

    def _take_change(self, name: str, node: _Node, number: int, user_id: str, status: str, seen: float | None) -> None:
        if node.number is not None and number <= node.number:
            return
        if node.number is None or number > node.number + 1:
            self._ask(name, node)
        else:
            node.number = number
        last_seen = None if seen is None else datetime.fromtimestamp(seen, UTC)
        self._set(node, UserId(user_id), PresenceStatus(status), last_seen, here=False)

    def _take_whole(self, node: _Node, number: int, first: bool, last: bool, part: Sequence[Any]) -> None:
        if first:
            node.gathering = {}
        node.gathering |= {UserId(user_id): PresenceStatus(status) for user_id, status in part}
        if not last:
            return
        node.number = number
        whole, node.gathering = node.gathering, {}
        for user_id in node.people.keys() | whole.keys():
            self._set(node, user_id, whole.get(user_id, PresenceStatus.OFFLINE), None, here=False)

    def _ask(self, name: str, node: _Node) -> None:
        if trio.current_time() - node.asked >= ASK_SECONDS:
            node.asked = trio.current_time()
            self._tell("ask", name)

    def _set(
        self, node: _Node, user_id: UserId, status: PresenceStatus, last_seen: datetime | None, *, here: bool
    ) -> None:
        if status is PresenceStatus.OFFLINE:
            changed = node.people.pop(user_id, None) is not None
        else:
            changed = node.people.get(user_id) is not status
            node.people[user_id] = status
        if changed:
            self._changed(user_id, last_seen, here)

    # --- going -----------------------------------------------------------------------------------------------------

    def _leave(self, name: str) -> None:
        """It said that it goes: its people have as long to come back as if each had left."""
        node = self._nodes.get(name)
        if node is not None:
            node.heard = trio.current_time()
            node.until = node.heard + self._grace

    def _sweep(self) -> None:
        now = trio.current_time()
        gone = [name for name, node in self._nodes.items() if now > node.until]
        for name in gone:
            node = self._nodes.pop(name)
            last_seen = self._clock.now() - timedelta(seconds=now - node.heard)
            # Somebody has to tell the plugins and write it down: the same one for all who are left.
            here = all(self._peers.node < other for other in self._nodes)
            for user_id in list(node.people):
                self._set(node, user_id, PresenceStatus.OFFLINE, last_seen, here=here)
