"""The media of huddles on several nodes: each huddle is pinned to one, and whoever joins by way of another is sent on.

    client ── join ─► node B ── over the bus ─► node A, where the huddle is pinned ─► its media process
       └───────────────────────── ICE, DTLS, RTP: directly ─────────────────────────────────┘

Which node that is stands in the storage (`tx.pins`), so that all agree. The first join pins a huddle, to the node with
the most room. When that node ends, the others find out within seconds; one of them takes the pin away and tells
everybody to join again, which pins the huddle anew. A node that was only held to be gone looks into the storage again
and again, and lets go of what is no longer its own.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import trio

from chatcore.errors import ChatError, NotFound, Unavailable, VoiceFull
from chatcore.events import HuddleUserLeft
from chatcore.ids import ChannelId, HuddleId, RecordingId, UserId, WorkspaceId
from chatcore.model import HuddlePin, HuddleStatus, Signal, SignalType
from chatcore.ports import (
    Background,
    Envelope,
    HuddleStats,
    LegStats,
    MediaRestarted,
    Peers,
    RecordingFinished,
    SeatLost,
    Storage,
    Tx,
    VideoSource,
    VideoWish,
    Voice,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)
from chatcore.service.node_beats import Facts, NodeBeats
from chatcore.service.node_calls import NodeCalls, NodeGone

TOPIC = "voice"
ATTEMPTS = 3
"""How many nodes a join tries: they may be full, or end meanwhile."""
SWEEP_SECONDS = 5.0
ENTER_SECONDS = 10.0
"""How long a seat may be taken before its device is noted in the huddle."""

_EMPTY = "empty"
"""What a full node adds, for the node that asks: whether nobody is in this huddle. One that somebody is in stays."""

log = logging.getLogger("chatcore.huddles")


@attrs.frozen
class _Released:
    """What stands in the storage about a huddle whose node is gone."""

    huddle_id: HuddleId
    recordings: tuple[RecordingId, ...]


class VoiceOfNodes:
    """A `Voice` over that of this node. `start` must have been called. `nodes`: who else is there."""

    def __init__(self, voice: Voice, peers: Peers, storage: Storage) -> None:
        self._voice = voice
        self._me = peers.node
        self._storage = storage
        self.nodes = NodeBeats(peers, self._facts)
        self._calls = NodeCalls(peers, TOPIC, self._answer, self.nodes.is_gone)
        self._listeners: list[VoiceListener] = []
        self._seats: dict[VoiceSeat, float] = {}
        """The seats that this node's media carries, and since when."""
        self._carried: dict[HuddleId, VoiceSeat] = {}
        """The huddles of which it carried something, and one of the seats."""
        self._wake = trio.Event()
        self.nodes.on_gone(self._ended)

    def start(self, tasks: Background) -> None:
        """Begin to look after it."""
        self._voice.on_event(self._happened)
        tasks.keep("voice of nodes: beats", self.nodes.run)
        tasks.keep("voice of nodes: calls", self._calls.run)
        tasks.keep("voice of nodes: pins", self._run)

    def on_event(self, listener: VoiceListener) -> None:
        """Call `listener` with what happens to the media here, and to that of nodes that are gone."""
        self._listeners.append(listener)

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Follow the events: of who has left, the node that they joined by closes the seat, if it is still there."""
        if any(envelope.type == HuddleUserLeft.type for envelope in envelopes):
            self._wake.set()

    # --- where a huddle is -------------------------------------------------------------------------------------------

    async def _where(self, huddle_id: HuddleId) -> str | None:
        """The node that a huddle is pinned to; None for none, or one that is gone."""
        pin = await self._storage.read(lambda tx: tx.pins.get(huddle_id))
        return None if pin is None or self.nodes.is_gone(pin.node) else pin.node

    async def _pin(self, huddle_id: HuddleId, full: set[str]) -> tuple[str, bool]:
        """Where a huddle is, and whether it is so only now. Raises NotFound."""
        pin = await self._storage.read(lambda tx: tx.pins.get(huddle_id))
        if pin is not None and not self.nodes.is_gone(pin.node) and pin.node not in full:
            return pin.node, False
        before = None if pin is None else pin.node
        wanted = HuddlePin(huddle_id=huddle_id, node=self._choose(full))

        async def work(tx: Tx) -> str:
            # Who else pins it at this moment waits for this row.
            huddle = await tx.huddles.get(huddle_id)
            if huddle is None or huddle.status is HuddleStatus.ENDED:
                raise NotFound.of("huddle")
            now = await tx.pins.get(huddle_id)
            if now is None:
                await tx.pins.insert(wanted)
            elif now.node == before:
                await tx.pins.update(wanted)
            else:
                return now.node
            return wanted.node

        node = await self._storage.write(work)
        if before is not None and node == wanted.node and before not in full:
            await self._tell_moved(huddle_id)
        return node, node == wanted.node

    def _choose(self, full: set[str]) -> str:
        """The node with the most room; of several that have as much, this one, so that less goes between nodes."""
        loads = {**self.nodes.present(), self._me: self._facts()}

        def order(node: str) -> tuple[bool, bool, float, bool, str]:
            seats, capacity = loads[node].get("seats", 0), loads[node].get("capacity", 0)
            return node in full, seats >= capacity, round(seats / max(1, capacity), 1), node != self._me, node

        return min(loads, key=order)

    def _facts(self) -> Facts:
        totals = self._voice.totals()
        return {"seats": max(totals.seats, len(self._seats)), "capacity": totals.capacity}

    # --- the port ----------------------------------------------------------------------------------------------------

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        """Give the seat a connection where its huddle is; returns the answer."""
        full: set[str] = set()
        data = {
            "seat": attrs.asdict(seat),
            "offer": dict(offer),
            "sources": {mid: str(source) for mid, source in (sources or {}).items()},
        }
        for _ in range(ATTEMPTS):
            node, fresh = await self._pin(seat.huddle_id, full)
            try:
                answer: Mapping[str, Any] = await self._on(node, "join", data)
                return answer
            except NodeGone:
                continue
            except VoiceFull as refused:
                if node in full or not (fresh or refused.details.get(_EMPTY)):
                    raise VoiceFull(refused.message) from None
                full.add(node)
        raise Unavailable("The media of this huddle is being moved: try again in some seconds.")

    async def leave(self, seat: VoiceSeat) -> None:
        """Close the seat's connection, wherever it is."""
        try:
            await self._where_it_is(seat.huddle_id, "leave", {"seat": attrs.asdict(seat)})
        except Unavailable as error:
            # Where it is, it is closed as soon as its node looks who is in the huddle.
            log.warning("a seat on another node could not be closed at once: %s", error.message)

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        """A candidate that came late."""
        said = {"type": str(signal.type), "data": signal.data}
        if await self._where_it_is(seat.huddle_id, "signal", {"seat": attrs.asdict(seat), "signal": said}) is None:
            await self._voice.signal(seat, signal)  # which refuses what nobody takes

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        """Silence a person; here too, for when the huddle moves here."""
        await self._voice.mute(huddle_id, user_id, muted)
        node = await self._where(huddle_id)
        if node is not None and node != self._me:
            await self._on(node, "mute", {"huddle": huddle_id, "user": user_id, "muted": muted})

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        """Choose the videos of a seat."""
        wishes = [[wish.user_id, str(wish.source)] for wish in videos]
        await self._where_it_is(seat.huddle_id, "wants", {"seat": attrs.asdict(seat), "videos": wishes})

    async def end(self, huddle_id: HuddleId) -> None:
        """Close and forget a huddle here. Every node does so when it hears that the huddle has ended."""
        self._drop(huddle_id)
        await self._voice.end(huddle_id)

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """Its connections."""
        legs = await self._where_it_is(huddle_id, "stats", {"huddle": huddle_id}) or ()
        return HuddleStats(huddle_id=huddle_id, legs=tuple(LegStats(**leg) for leg in legs))

    def totals(self) -> VoiceTotals:
        """What this node's media does."""
        return self._voice.totals()

    async def start_recording(self, huddle_id: HuddleId, recording_id: str) -> None:
        """Record it where it is."""
        node = await self._where(huddle_id)
        if node is None:
            raise Unavailable("Nobody is connected to the huddle through a server: there is nothing to record.")
        await self._on(node, "record", {"huddle": huddle_id, "recording": recording_id})

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        """Stop; `RecordingFinished` is told there."""
        await self._where_it_is(huddle_id, "stop_recording", {"huddle": huddle_id})

    async def health(self) -> dict[str, Any]:
        """That of this node's media, and how many other nodes have some."""
        return {**await self._voice.health(), "others": len(self.nodes.present())}

    async def _where_it_is(self, huddle_id: HuddleId, operation: str, data: Any) -> Any:
        """None where it is nowhere: then what was to be done is done."""
        node = await self._where(huddle_id)
        try:
            return None if node is None else await self._on(node, operation, data)
        except NodeGone:
            return None

    async def _on(self, node: str, operation: str, data: Any) -> Any:
        if node == self._me:
            return await self._answer(node, operation, data)
        return await self._calls.ask(node, operation, data)

    # --- what is asked of this node's media --------------------------------------------------------------------------

    async def _answer(self, asking: str, operation: str, data: Any) -> Any:
        voice = self._voice
        match operation:
            case "join":
                return dict(await self._seat(_seat_of(data), data))
            case "leave":
                self._seats.pop(_seat_of(data), None)
                await voice.leave(_seat_of(data))
            case "signal":
                said = data["signal"]
                await voice.signal(_seat_of(data), Signal(type=SignalType(said["type"]), data=said["data"]))
                return True
            case "mute":
                await voice.mute(HuddleId(data["huddle"]), UserId(data["user"]), data["muted"])
            case "wants":
                wishes = tuple(VideoWish(user_id=UserId(user), source=VideoSource(of)) for user, of in data["videos"])
                await voice.wants(_seat_of(data), wishes)
            case "stats":
                return [attrs.asdict(leg) for leg in (await voice.stats(HuddleId(data["huddle"]))).legs]
            case "record":
                await voice.start_recording(HuddleId(data["huddle"]), data["recording"])
            case "stop_recording":
                await voice.stop_recording(HuddleId(data["huddle"]))
            case _:
                raise Unavailable("This node is of another release than the one that asks: update both.")
        return None

    async def _seat(self, seat: VoiceSeat, data: Any) -> Mapping[str, Any]:
        sources = {mid: VideoSource(source) for mid, source in data["sources"].items()}
        try:
            answer = await self._voice.join(seat, data["offer"], sources)
        except VoiceFull as refused:
            empty = not any(each.huddle_id == seat.huddle_id for each in self._seats)
            raise VoiceFull(refused.message, {_EMPTY: empty}) from None
        self._seats[seat] = trio.current_time()
        self._carried[seat.huddle_id] = seat
        return answer

    def _drop(self, huddle_id: HuddleId) -> None:
        self._carried.pop(huddle_id, None)
        self._seats = {seat: since for seat, since in self._seats.items() if seat.huddle_id != huddle_id}

    # --- what happens ------------------------------------------------------------------------------------------------

    def _happened(self, event: VoiceEvent) -> None:
        if isinstance(event, SeatLost):
            self._seats.pop(event.seat, None)
        elif isinstance(event, MediaRestarted):
            self._seats = {seat: since for seat, since in self._seats.items() if seat.huddle_id != event.huddle_id}
        self._tell(event)

    def _tell(self, event: VoiceEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def _ended(self, node: str) -> None:
        self._wake.set()

    async def _run(self) -> None:
        """Take pins from nodes that are gone, and let go of what is not ours, until cancelled."""
        while True:
            with trio.move_on_after(SWEEP_SECONDS):
                await self._wake.wait()
            self._wake = trio.Event()
            try:
                await self._take_pins()
                await self._sweep()
            except ChatError as error:
                log.warning("the media of huddles cannot be looked after now: %s", error.message)

    async def _take_pins(self) -> None:
        pinned = {pin.node for pin in await self._storage.read(lambda tx: tx.pins.find())}
        for node in pinned:
            if self.nodes.is_gone(node):
                log.warning("the node %s, which carried huddles, is gone: they are moved", node)
                for released in await self._storage.write(lambda tx, node=node: _release(tx, node)):  # type: ignore[misc]
                    self._tell_released(released)

    async def _tell_moved(self, huddle_id: HuddleId) -> None:
        self._tell_released(await self._storage.read(lambda tx: _released(tx, huddle_id)))

    def _tell_released(self, released: _Released) -> None:
        for recording_id in released.recordings:
            self._tell(
                RecordingFinished(
                    huddle_id=released.huddle_id,
                    recording_id=recording_id,
                    files={},
                    problem="the server that recorded is gone: what it wrote is on its disk",
                )
            )
        self._tell(MediaRestarted(huddle_id=released.huddle_id, reason="the server that carried the huddle is gone"))

    async def _sweep(self) -> None:
        """What is carried here and pinned elsewhere, or of somebody who is not in the huddle, is closed."""
        carried = tuple(self._carried)
        if not carried:
            return
        pins, ended, there = await self._storage.read(lambda tx: _stored(tx, carried))
        for huddle_id in carried:
            if huddle_id in ended:
                await self.end(huddle_id)
            elif pins.get(huddle_id) != self._me:
                await self.end(huddle_id)
                self._tell(MediaRestarted(huddle_id=huddle_id, reason="the huddle was moved to another server"))
        before = trio.current_time() - ENTER_SECONDS
        for seat, since in list(self._seats.items()):
            if since <= before and (seat.huddle_id, seat.user_id, seat.device_id) not in there:
                del self._seats[seat]
                await self._voice.leave(seat)


Device = tuple[HuddleId, UserId, str]


async def _stored(tx: Tx, carried: Sequence[HuddleId]) -> tuple[dict[HuddleId, str], set[HuddleId], set[Device]]:
    """Of these huddles: where they are pinned, which have ended, and the devices that are in them."""
    pins: dict[HuddleId, str] = {}
    ended: set[HuddleId] = set()
    there: set[Device] = set()
    for huddle_id in carried:
        huddle, pin = await tx.huddles.get(huddle_id), await tx.pins.get(huddle_id)
        if huddle is None or huddle.status is HuddleStatus.ENDED:
            ended.add(huddle_id)
        if pin is not None:
            pins[huddle_id] = pin.node
        there |= {(huddle_id, row.user_id, row.device_id) for row in await tx.devices.find(huddle_id=huddle_id)}
    return pins, ended, there


async def _release(tx: Tx, node: str) -> list[_Released]:
    """Take a node's pins away; of those that another node has taken meanwhile, it tells."""
    taken: list[_Released] = []
    for pin in await tx.pins.find(node=node):
        if await tx.pins.delete(pin.huddle_id):
            taken.append(await _released(tx, pin.huddle_id))
    return taken


async def _released(tx: Tx, huddle_id: HuddleId) -> _Released:
    going = await tx.recordings.find(huddle_id=huddle_id, stopped_at=None)
    return _Released(huddle_id, tuple(each.id for each in going))


def _seat_of(data: Any) -> VoiceSeat:
    seat = data["seat"]
    return VoiceSeat(
        huddle_id=HuddleId(seat["huddle_id"]),
        channel_id=ChannelId(seat["channel_id"]),
        workspace_id=WorkspaceId(seat["workspace_id"]),
        user_id=UserId(seat["user_id"]),
        device_id=seat["device_id"],
    )
