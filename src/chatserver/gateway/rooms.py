"""Fan-out: from the hub to the sockets, one write per member and round.

Everything that commits during one round of Trio's scheduler is gathered and written in the next: under load a hundred
messages cost each member one system call, and without load nobody waits. Presence may wait a little longer: when
thousands come back after a restart, each of them is news to all the others.
"""

import logging
from collections.abc import Sequence
from math import inf

import trio

from chatcore.events import PresenceUpdate
from chatcore.ids import WorkspaceId
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatserver.gateway.room import Room

PRESENCE_SECONDS = 0.05
"""How long presence waits for company; the specification allows 100 ms (§3, Real-time Performance)."""

REST = 0.5
"""How long to gather after a write before the next one, as a part of the time that it took.

A write to 200 members takes 2 ms. Without a rest, 500 messages a second would each get a write of their own and take up
the whole processor; with it they share writes, and what comes in is dealt with in between. After a short write of a
single event there is no rest: nothing had come while the one before was written, so whoever comes next need not wait
(with one message in flight to 200 members a rest cost the median receiver 0.4 ms of 2.4).
"""
SHORT_SECONDS = 0.005
"""A write of up to so long is short. In a room of 1,000 even a lone event takes longer: resting after it took the 99th
percentile at 100 messages a second from 44 to 35 ms."""

log = logging.getLogger(__name__)


class Rooms:
    """The rooms of this node: a room exists while somebody is in it. It listens to the hub; `run` must be running."""

    def __init__(self) -> None:
        self._rooms: dict[WorkspaceId, Room] = {}
        self._dirty: dict[Room, None] = {}
        self._news = trio.Event()
        self._patient = trio.Event()
        self._rested = -inf
        """When the rest after the last write is over."""
        self.texts_out = 0
        self.bytes_out = 0

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Take events from the hub."""
        room = self._rooms.get(workspace_id)
        if room is not None and room.deliver(envelopes):
            self._dirty[room] = None
            patient = all(envelope.type == PresenceUpdate.type for envelope in envelopes)
            (self._patient if patient else self._news).set()

    def open(self, directory: WorkspaceDirectory) -> Room:
        """The room of a workspace."""
        room = self._rooms.get(directory.workspace_id)
        if room is None:
            room = self._rooms[directory.workspace_id] = Room(directory)
        return room

    def find(self, workspace_id: WorkspaceId) -> Room | None:
        """The room of a workspace, if somebody is in it."""
        return self._rooms.get(workspace_id)

    def tidy(self, room: Room) -> None:
        """Forget the room if nobody is left in it."""
        if room.empty and self._rooms.get(room.workspace_id) is room:
            del self._rooms[room.workspace_id]

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what has gathered, round after round, until cancelled. Begun again, it loses nothing."""
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_patiently)
            while True:
                if self._rested > trio.current_time():
                    await trio.sleep_until(self._rested)
                self.flush()
                await self._news.wait()
                self._news = trio.Event()

    async def _run_patiently(self) -> None:
        while True:
            await self._patient.wait()
            await trio.sleep(PRESENCE_SECONDS)
            self._patient = trio.Event()
            self.flush()

    def hurry(self) -> None:
        """Write now what the next round would write: for who knows that nothing is under way that could be gathered."""
        if self._dirty and trio.current_time() >= self._rested:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered now."""
        dirty, self._dirty = self._dirty, {}
        if not dirty:
            return
        began, most = trio.current_time(), 0
        for room in dirty:
            most = max(most, room.waiting)
            try:
                texts, size = room.flush()
                self.texts_out += texts
                self.bytes_out += size
            except Exception:
                log.exception("a room could not be written to; the others go on")
        ended = trio.current_time()
        took = ended - began
        if most > 1 or took > SHORT_SECONDS:
            self._rested = ended + took * REST
