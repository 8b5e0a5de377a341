"""Behind the huddles: takes out who is gone, ends what is empty, and closes the media of who has left.

Every node does this for every active huddle, and every step asks the storage again whether it still holds: two nodes
that do the same find that one of them has done it.
"""

import logging
import math
from collections.abc import Sequence

import attrs
import trio

from chatcore.errors import ChatError
from chatcore.events import HuddleEnded, HuddleRejoin, HuddleStarted, HuddleUpdated, HuddleUserLeft
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.model import Huddle, HuddleDevice, HuddleStatus, Participant, Topology
from chatcore.ports import Envelope, MediaRestarted, RecordingFinished, SeatLost, Tx, VoiceEvent, VoiceSeat
from chatcore.service import huddle_steps
from chatcore.service.core import Core
from chatcore.service.facts import Facts
from chatcore.service.huddle_devices import DeviceKey, Devices
from chatcore.service.huddle_media import Closing, HuddleMedia
from chatcore.service.huddle_record import post_record

GRACE_SECONDS = 30.0
"""From when the last one leaves to the end."""
SCAN_SECONDS = 5.0
"""From one look to the next while a huddle goes on anywhere."""
IDLE_SECONDS = 60.0
"""The same while none does. We hear at once of one that begins here, or in a workspace that is followed here. Others
are their own nodes' affair while these live; after that they are found at the next look."""
PAUSE_SECONDS = 0.25
"""The least from one look to the next: each looks at every huddle, and people come in crowds."""
SWITCH_SECONDS = 5.0
"""From the decision that media goes from peer to peer to the end of that through the server: until the peers are
connected it carries the voices."""
HEARD = {event.type for event in (HuddleEnded, HuddleRejoin, HuddleStarted, HuddleUpdated, HuddleUserLeft)}

log = logging.getLogger("chatcore.huddles")


@attrs.frozen
class _Scan:
    """The active huddles, as stored."""

    huddles: list[Huddle]
    participants: list[Participant]
    devices: list[HuddleDevice]


class HuddleKeeper:
    """See the module. `run` must be running."""

    def __init__(self, core: Core, media: HuddleMedia) -> None:
        self.devices = Devices()
        self._core = core
        self._media = media
        self._homes: dict[HuddleId, tuple[WorkspaceId, ChannelId]] = {}
        self._empty: dict[HuddleId, tuple[object, float]] = {}
        """When it was left, as it says itself; and when, on our clock, we first saw that."""
        self._closing: list[Closing] = []
        self._retired: list[tuple[float, list[VoiceSeat]]] = []
        self._ended: set[HuddleId] = set()
        self._recorded: list[RecordingFinished] = []
        self._untold: list[tuple[HuddleId, str, UserId | None, str | None]] = []
        """Who is to join again, of huddles that we have not seen yet."""
        self._wake = trio.Event()
        media.on_event(self._happened)

    @property
    def active(self) -> int:
        """How many huddles were going on when we last looked."""
        return len(self._homes)

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    # --- sockets -----------------------------------------------------------------------------------------------------

    def connection_opened(self, user_id: UserId, connection_id: str) -> None:
        """A person has a socket on this node."""
        self.devices.opened(user_id, connection_id)

    def connection_closed(self, user_id: UserId, connection_id: str) -> None:
        """It is gone; what joined over it has some seconds to come back."""
        if self.devices.closed(user_id, connection_id, trio.current_time()):
            self.wake()

    def hold(self, key: DeviceKey, connection: str | None, home: Huddle) -> None:
        """A device joined by way of this node: see `Devices.hold`."""
        self._homes[home.id] = home.workspace_id, home.channel_id
        self.devices.hold(key, connection, trio.current_time())
        self.wake()

    # --- what is heard -----------------------------------------------------------------------------------------------

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: who has left has no media any more, by whichever node they left."""
        for envelope in envelopes:
            if envelope.type in HEARD:
                event = envelope.event
                if isinstance(event, HuddleUserLeft):
                    self._closing += self._media.closing(event.huddle_id, event.user_id)
                elif isinstance(event, HuddleEnded):
                    self._ended.add(event.huddle_id)
                elif isinstance(event, HuddleUpdated):
                    self._rerouted(event.huddle)
                elif isinstance(event, HuddleRejoin):
                    self._lost(event)
                self.wake()

    def _rerouted(self, huddle: Huddle) -> None:
        """Where media goes from peer to peer from now on, what went through the server is closed a little later."""
        mesh = huddle.topology is Topology.MESH
        retired = self._media.rerouted(huddle.id, mesh=mesh)
        if retired:
            self._retired.append((trio.current_time() + SWITCH_SECONDS, retired))

    def _lost(self, event: HuddleRejoin) -> None:
        """Media was lost, on whichever node: by way of this one, its devices have some seconds to join again."""
        self._media.forget(event.huddle_id, event.user_id, event.device_id)
        if event.user_id is not None and event.device_id is not None:
            self.devices.lose((event.huddle_id, event.user_id, event.device_id), trio.current_time())

    def _happened(self, event: VoiceEvent) -> None:
        if isinstance(event, SeatLost):
            seat = event.seat
            self._tell_to_rejoin(seat.huddle_id, event.reason, seat.user_id, seat.device_id)
        elif isinstance(event, MediaRestarted):
            self._tell_to_rejoin(event.huddle_id, event.reason)
        elif isinstance(event, RecordingFinished):
            self._recorded.append(event)
            self.wake()

    def _tell_to_rejoin(
        self, huddle_id: HuddleId, reason: str, user_id: UserId | None = None, device_id: str | None = None
    ) -> None:
        home = self._homes.get(huddle_id)
        if home is None:
            # It may have been started on another node just now: the next look finds it.
            self._untold.append((huddle_id, reason, user_id, device_id))
            self.wake()
        else:
            self._core.hub.announce(
                HuddleRejoin(
                    workspace_id=home[0],
                    channel_id=home[1],
                    huddle_id=huddle_id,
                    user_id=user_id,
                    device_id=device_id,
                    reason=reason,
                )
            )

    # --- what is done ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        due = rested = 0.0
        while True:
            with trio.move_on_at(due):
                await self._wake.wait()
            self._wake = trio.Event()
            try:
                await self._close_media()
                await self._end_recordings()
                if trio.current_time() < rested:
                    due = rested
                    continue
                due = min(await self._look(), *(at for at, _ in self._retired), math.inf)
                rested = trio.current_time() + PAUSE_SECONDS
            except ChatError as error:
                log.warning("huddles cannot be looked after now: %s", error.message)
                due = trio.current_time() + SCAN_SECONDS

    async def _close_media(self) -> None:
        closing, self._closing = self._closing, []
        ended, self._ended = self._ended, set()
        await self._media.close(closing)
        now = trio.current_time()
        over = [seats for at, seats in self._retired if at <= now]
        self._retired = [(at, seats) for at, seats in self._retired if at > now]
        for seats in over:
            await self._media.close_retired(seats)
        for huddle_id in ended:
            self._homes.pop(huddle_id, None)
            await self._media.end(huddle_id)

    async def _end_recordings(self) -> None:
        """Tell those who are still talking that nothing is recorded any more, however that came."""
        recorded, self._recorded = self._recorded, []
        if not recorded:
            return
        now = self._core.clock.now()

        async def work(tx: Tx) -> None:
            for done in recorded:
                row = await tx.recordings.get(done.recording_id)
                if row is not None and row.stopped_at is None:
                    row = attrs.evolve(row, stopped_at=now, files=dict(done.files), problem=done.problem)
                    await tx.recordings.update(row)
                huddle = await tx.huddles.get(done.huddle_id)
                others = await tx.recordings.find(huddle_id=done.huddle_id, stopped_at=None, limit=1)
                if huddle is not None and huddle.status is HuddleStatus.ACTIVE and not others:
                    await huddle_steps.change(tx, huddle, recorded_by=None)

        await self._core.storage.write(work)

    async def _look(self) -> float:
        """Do what is due; returns when to look again."""
        asked, untold = trio.current_time(), len(self._untold)
        scan = await self._core.storage.read(_scan)
        now = trio.current_time()
        self._homes = {huddle.id: (huddle.workspace_id, huddle.channel_id) for huddle in scan.huddles}
        self._tell_untold(untold)
        self.devices.see(scan.devices, asked, now)
        due = set(self.devices.due(now, self._with_media(scan)))
        beats = {(row.huddle_id, row.user_id, row.device_id): row.beat for row in scan.devices}
        await self._take_out({key: beats[key] for key in due if key in beats}, _without_device(scan))
        await self._beat()
        for huddle in self._over(scan, now):
            await self._end(huddle)
        after = min([seen + GRACE_SECONDS for _, seen in self._empty.values()], default=math.inf)
        pause = SCAN_SECONDS if scan.huddles else IDLE_SECONDS
        return min(now + pause, after, max(now, self.devices.next_due(now, self._with_media(scan))))

    def _tell_untold(self, count: int) -> None:
        """Tell the first of them; a later one's huddle may have been started since we asked."""
        untold, self._untold = self._untold[:count], self._untold[count:]
        for huddle_id, reason, user_id, device_id in untold:
            if huddle_id in self._homes:
                self._tell_to_rejoin(huddle_id, reason, user_id, device_id)

    def _with_media(self, scan: _Scan) -> frozenset[DeviceKey]:
        return frozenset(
            (seat.huddle_id, seat.user_id, seat.device_id)
            for huddle in scan.huddles
            for seat, _ in self._media.closing(huddle.id)
        )

    async def _take_out(self, due: dict[DeviceKey, int], nowhere: list[Participant]) -> None:
        if not due and not nowhere:
            return
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> None:
            for (huddle_id, user_id, device_id), beat in due.items():
                huddle = await tx.huddles.get(huddle_id)
                device = await tx.devices.get(huddle_id, user_id, device_id)
                # Another beat means that it is back, perhaps by way of another node.
                if huddle is not None and device is not None and device.beat == beat:
                    await huddle_steps.leave(tx, told, huddle, user_id, now, device_id=device_id)
            for row in nowhere:
                huddle = await tx.huddles.get(row.huddle_id)
                devices = await tx.devices.find(huddle_id=row.huddle_id, user_id=row.user_id, limit=1)
                if huddle is not None and huddle.status is HuddleStatus.ACTIVE and not devices:
                    await huddle_steps.leave(tx, told, huddle, row.user_id, now)

        await self._core.write(work)
        for huddle_id, user_id, device_id in due:
            self._closing += self._media.closing(huddle_id, user_id, device_id)
        await self._close_media()
        self.wake()  # somebody may have been the last

    async def _beat(self) -> None:
        keys = self.devices.to_beat(trio.current_time())
        if not keys:
            return

        async def work(tx: Tx) -> dict[DeviceKey, int]:
            beats: dict[DeviceKey, int] = {}
            for key in keys:
                device = await tx.devices.get(*key)
                if device is not None:
                    beats[key] = device.beat + 1
                    await tx.devices.update(attrs.evolve(device, beat=device.beat + 1))
            return beats

        self.devices.beaten(await self._core.storage.write(work))

    def _over(self, scan: _Scan, now: float) -> list[Huddle]:
        """The huddles whose grace is over."""
        occupied = {row.huddle_id for row in scan.participants}
        empty = [huddle for huddle in scan.huddles if huddle.id not in occupied]
        seen = self._empty
        self._empty = {
            huddle.id: known
            if (known := seen.get(huddle.id)) is not None and known[0] == huddle.empty_since
            else (huddle.empty_since, now)
            for huddle in empty
        }
        return [huddle for huddle in empty if self._empty[huddle.id][1] + GRACE_SECONDS <= now]

    async def _end(self, huddle: Huddle) -> None:
        now = self._core.clock.now()

        async def work(tx: Tx, told: Facts) -> Huddle | None:
            fresh = await tx.huddles.get(huddle.id)
            if fresh is None or fresh.status is HuddleStatus.ENDED or fresh.empty_since != huddle.empty_since:
                return None
            if await tx.participants.find(huddle_id=huddle.id, left_at=None, limit=1):
                return None
            return await huddle_steps.end(tx, told, fresh, now)

        ended = await self._core.write(work)
        self._empty.pop(huddle.id, None)
        if ended is not None:
            await post_record(self._core, ended)


async def _scan(tx: Tx) -> _Scan:
    scan = _Scan(await tx.huddles.find(status=HuddleStatus.ACTIVE), [], [])
    for huddle in scan.huddles:
        scan.participants.extend(await tx.participants.find(huddle_id=huddle.id, left_at=None))
        scan.devices.extend(await tx.devices.find(huddle_id=huddle.id))
    return scan


def _without_device(scan: _Scan) -> list[Participant]:
    """Those who are in a huddle with no device: an earlier release noted none."""
    there = {(row.huddle_id, row.user_id) for row in scan.devices}
    return [row for row in scan.participants if (row.huddle_id, row.user_id) not in there]
