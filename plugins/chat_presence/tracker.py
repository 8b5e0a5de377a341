"""Who is there: the best status of a person's devices, on all nodes, and a grace before they are gone."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import attrs
import trio

from chat_presence.last_seen import LastSeen
from chat_presence.others import Others
from chatcore.ids import UserId
from chatcore.model import Presence, PresenceStatus
from chatcore.ports import Background, Clock, Peers
from chatcore.ports.presence import PresenceListener

GRACE_SECONDS = 5.0
"""How long a person without a device still counts as there: longer than a page takes to load again."""

_BEST_FIRST = (PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.OFFLINE)

log = logging.getLogger("chatcore.presence.memory")


@attrs.define(eq=False)
class _Person:
    """`here` is their status on this node, `shown` that on all.

    `last_seen` is None for who was never there, and not looked at while they are online.
    """

    devices: dict[str, PresenceStatus] = attrs.field(factory=dict)
    here: PresenceStatus = PresenceStatus.OFFLINE
    shown: PresenceStatus = PresenceStatus.OFFLINE
    last_seen: datetime | None = None

    def best(self) -> PresenceStatus:
        """What the devices say together."""
        return next(status for status in _BEST_FIRST if status in self.devices.values())


class MemoryPresence:
    """A `chatcore.ports.PresenceTracker`. `run`, and that of `others`, must be running for departures to be noticed.

    Who wants to look offline is offline at once, without grace, and what they do then leaves no trace in `last_seen`.
    `records` keeps `last_seen` over restarts; None keeps it for as long as the tracker lives. `peers` are the other
    nodes; None is to be alone.
    """

    def __init__(
        self,
        clock: Clock,
        records: LastSeen | None = None,
        peers: Peers | None = None,
        *,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._clock = clock
        self._records = records
        self._grace = grace
        self._people: dict[UserId, _Person] = {}
        # Deadlines in Trio's time. The grace is the same for all, so they are in the order in which they were added.
        self._leaving: dict[UserId, float] = {}
        self._somebody_leaves = trio.Event()
        self._listeners: list[PresenceListener] = []
        self._tasks: Background | None = None
        self.others = None
        if peers is not None:
            self.others = Others(peers, clock, changed=self._changed_elsewhere, mine=self._mine, grace=grace)

    def watch(self, tasks: Background) -> None:
        """Be unwell while one of these is down: what runs behind the tracker."""
        self._tasks = tasks

    def on_change(self, listener: PresenceListener) -> None:
        """Call `listener` whenever a person's status changes."""
        self._listeners.append(listener)

    async def connect(self, user_id: UserId, connection_id: str, status: PresenceStatus) -> None:
        """A device connected, with this status."""
        if status is PresenceStatus.OFFLINE:
            await self._recall([user_id])  # nothing will say anew when they were last seen
        person = self._people.setdefault(user_id, _Person())
        self._leaving.pop(user_id, None)
        person.devices[connection_id] = status
        self._show_here(user_id, person, person.best())

    async def update(self, user_id: UserId, connection_id: str, status: PresenceStatus) -> None:
        """A device says that its person is online, away, or wants to look offline. Unknown devices are ignored."""
        person = self._people.get(user_id)
        if person is not None and connection_id in person.devices:
            person.devices[connection_id] = status
            self._show_here(user_id, person, person.best())

    async def disconnect(self, user_id: UserId, connection_id: str) -> None:
        """A device is gone."""
        person = self._people.get(user_id)
        if person is None or person.devices.pop(connection_id, None) is None:
            return
        if person.devices:
            self._show_here(user_id, person, person.best())
        elif person.here is not PresenceStatus.OFFLINE:
            person.last_seen = self._clock.now()
            self._leaving[user_id] = trio.current_time() + self._grace
            self._somebody_leaves.set()

    async def get(self, user_ids: Iterable[UserId]) -> dict[UserId, Presence]:
        """The status of each of these people, unknown ones as offline."""
        wanted = list(user_ids)
        await self._recall(wanted)
        return {user_id: self._presence(user_id) for user_id in wanted}

    async def health(self) -> dict[str, Any]:
        """How many people are there, how many are about to leave this node, and how many other nodes there are."""
        there = sum(1 for person in self._people.values() if person.shown is not PresenceStatus.OFFLINE)
        well = self._tasks is None or bool(self._tasks.health()["ok"])
        nodes = {} if self.others is None else {"others": len(self.others)}
        return {"ok": well, "present": there, "leaving": len(self._leaving), **nodes}

    async def run(self) -> None:
        """Let those go whose grace is over; never returns."""
        while True:
            await self._somebody_leaves.wait()
            while self._leaving:
                user_id, deadline = next(iter(self._leaving.items()))
                if deadline > trio.current_time():
                    await trio.sleep_until(deadline)
                    continue  # they may be back, and then the next one's deadline counts
                del self._leaving[user_id]
                self._depart(user_id)
            self._somebody_leaves = trio.Event()

    def close(self) -> None:
        """Everybody who is on this node is gone now, as the process is: note it."""
        if self.others is not None:
            self.others.goodbye()
        for user_id, person in self._people.items():
            if person.here is not PresenceStatus.OFFLINE:
                if person.devices:
                    person.last_seen = self._clock.now()
                person.devices.clear()
                person.here = person.shown = PresenceStatus.OFFLINE
                self._note(self._presence(user_id))

    # --- changes ---------------------------------------------------------------------------------------------------

    def _depart(self, user_id: UserId) -> None:
        person = self._people[user_id]
        # Last seen when the device was gone, which is a while ago.
        self._show_here(user_id, person, PresenceStatus.OFFLINE, last_seen=person.last_seen)

    def _show_here(
        self, user_id: UserId, person: _Person, status: PresenceStatus, last_seen: datetime | None = None
    ) -> None:
        if status is person.here:
            return
        person.here = status
        last_seen = last_seen or self._clock.now()
        if self.others is not None:
            self.others.say(user_id, status, last_seen)
        self._show(user_id, person, last_seen, here=True)

    def _changed_elsewhere(self, user_id: UserId, last_seen: datetime | None, here: bool) -> None:
        person = self._people.setdefault(user_id, _Person())
        self._show(user_id, person, last_seen or self._clock.now(), here=here)

    def _show(self, user_id: UserId, person: _Person, last_seen: datetime, *, here: bool) -> None:
        elsewhere = [] if self.others is None else self.others.statuses(user_id)
        status = next(status for status in _BEST_FIRST if status in (person.here, *elsewhere, PresenceStatus.OFFLINE))
        if status is person.shown:
            return
        person.shown = status
        person.last_seen = last_seen
        self._tell(user_id, here)

    def _mine(self) -> Iterator[tuple[UserId, PresenceStatus]]:
        return ((id_, each.here) for id_, each in self._people.items() if each.here is not PresenceStatus.OFFLINE)

    def _presence(self, user_id: UserId) -> Presence:
        person = self._people.get(user_id)
        if person is None:
            return Presence(user_id=user_id, status=PresenceStatus.OFFLINE)
        here = person.shown is PresenceStatus.ONLINE and user_id not in self._leaving
        return Presence(user_id=user_id, status=person.shown, last_seen=self._clock.now() if here else person.last_seen)

    async def _recall(self, user_ids: Iterable[UserId]) -> None:
        """Look up people who have not been here since the start."""
        if self._records is None:
            return
        unknown = [user_id for user_id in user_ids if user_id not in self._people]
        if unknown:
            for user_id, last_seen in (await self._records.load(unknown)).items():
                self._people.setdefault(user_id, _Person(last_seen=last_seen))

    def _note(self, presence: Presence) -> None:
        if self._records is not None:
            self._records.note(presence)

    def _tell(self, user_id: UserId, here: bool) -> None:
        presence = self._presence(user_id)
        if here:
            self._note(presence)
        for listener in self._listeners:
            try:
                listener(presence, here)
            except Exception:
                log.exception("a listener of presence failed")
