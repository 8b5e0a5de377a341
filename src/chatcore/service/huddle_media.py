"""The media of huddles: between the service and the voice port. Without a voice provider nothing here does anything.

Seats are remembered with a number that each join changes, so that a seat that is to be closed because somebody left is
not closed when they are back meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from chatcore.errors import Unavailable
from chatcore.ids import HuddleId, UserId
from chatcore.model import Huddle, Signal
from chatcore.ports import (
    Background,
    HuddleStats,
    SeatLost,
    VideoSource,
    VideoWish,
    Voice,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)
from chatcore.service.core import Core
from chatcore.service.hub import Listener
from chatcore.service.voice_nodes import VoiceOfNodes

Closing = tuple[VoiceSeat, int]
"""A seat to be closed, unless it was taken again since."""


def seat_of(huddle: Huddle, user_id: UserId, device_id: str) -> VoiceSeat:
    """The seat of a device in a huddle."""
    return VoiceSeat(
        huddle_id=huddle.id,
        channel_id=huddle.channel_id,
        workspace_id=huddle.workspace_id,
        user_id=user_id,
        device_id=device_id,
    )


@attrs.define(eq=False)
class HuddleMedia:
    """See the module."""

    _voice: Voice | None
    _seats: dict[VoiceSeat, int] = attrs.field(factory=dict, init=False)
    _meshes: set[HuddleId] = attrs.field(factory=set, init=False)
    """Huddles that have become one: of what they had through the server, nobody is told any more."""
    _taken: int = attrs.field(default=0, init=False)
    _listeners: list[VoiceListener] = attrs.field(factory=list, init=False)

    @property
    def available(self) -> bool:
        """Whether a huddle can go through this server."""
        return self._voice is not None

    def start(self, tasks: Background) -> None:
        """Begin to hear what happens to the media."""
        if self._voice is not None:
            self._voice.on_event(self._happened)
        if isinstance(self._voice, VoiceOfNodes):
            self._voice.start(tasks)

    @classmethod
    def of(cls, core: Core, voice: Voice | None) -> "HuddleMedia":
        """Over the media of this node, or, where there are others, of all."""
        if voice is None or core.peers.alone:
            return cls(voice)
        return cls(VoiceOfNodes(voice, core.peers, core.storage))

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What of it follows the events."""
        return (self._voice,) if isinstance(self._voice, VoiceOfNodes) else ()

    def on_event(self, listener: VoiceListener) -> None:
        """Call `listener` with what happens."""
        self._listeners.append(listener)

    def _happened(self, event: VoiceEvent) -> None:
        if isinstance(event, SeatLost):
            self._seats.pop(event.seat, None)
            if event.seat.huddle_id in self._meshes:
                return  # one that was given up
        for listener in self._listeners:
            listener(event)

    # --- seats -----------------------------------------------------------------------------------------------------

    def forget(self, huddle_id: HuddleId, user_id: UserId | None = None, device_id: str | None = None) -> None:
        """Seats have lost their connection, on whichever node that was: of a huddle, or of one device."""
        for seat, _ in self.closing(huddle_id, user_id, device_id):
            del self._seats[seat]

    def has(self, seat: VoiceSeat) -> bool:
        """Whether the seat has a connection here."""
        return seat in self._seats

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        """The answer to an offer. Raises what `Voice.join` raises."""
        if self._voice is None:
            raise Unavailable("This server has no voice plugin any more: its operator has to install one.")
        answer = await self._voice.join(seat, offer, sources)
        self._taken += 1
        self._seats[seat] = self._taken
        return answer

    def closing(
        self, huddle_id: HuddleId, user_id: UserId | None = None, device_id: str | None = None
    ) -> list[Closing]:
        """The seats as they are now: of a huddle, of a person there, or of one device."""
        return [
            (seat, taken)
            for seat, taken in self._seats.items()
            if seat.huddle_id == huddle_id and user_id in (None, seat.user_id) and device_id in (None, seat.device_id)
        ]

    async def close(self, seats: list[Closing]) -> None:
        """Close these seats, but for those that were taken again."""
        for seat, taken in seats:
            if self._voice is not None and self._seats.get(seat) == taken:
                del self._seats[seat]
                await self._voice.leave(seat)

    def rerouted(self, huddle_id: HuddleId, *, mesh: bool) -> list[VoiceSeat]:
        """The way of the media may be another now. Gives the seats of a mesh up, but leaves their connections for
        `close_retired`.
        """
        if not mesh:
            self._meshes.discard(huddle_id)
            return []
        self._meshes.add(huddle_id)
        retired = [seat for seat in self._seats if seat.huddle_id == huddle_id]
        for seat in retired:
            del self._seats[seat]
        return retired

    async def close_retired(self, seats: list[VoiceSeat]) -> None:
        """Close what was given up, but for seats that were taken again."""
        for seat in seats:
            if self._voice is not None and seat not in self._seats:
                await self._voice.leave(seat)

    async def end(self, huddle_id: HuddleId) -> None:
        """The huddle is over."""
        if self._voice is not None:
            self._seats = {seat: taken for seat, taken in self._seats.items() if seat.huddle_id != huddle_id}
            self._meshes.discard(huddle_id)
            await self._voice.end(huddle_id)

    # --- what is asked of them -------------------------------------------------------------------------------------

    async def _with(self, call: Callable[[Voice], Any]) -> None:
        if self._voice is not None:
            await call(self._voice)

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        """Pass a late candidate on."""
        await self._with(lambda voice: voice.signal(seat, signal))

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        """Silence a person's microphones, or let them be heard again."""
        await self._with(lambda voice: voice.mute(huddle_id, user_id, muted))

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        """Choose the videos of a seat."""
        await self._with(lambda voice: voice.wants(seat, videos))

    async def start_recording(self, huddle_id: HuddleId, recording_id: str) -> None:
        """Record what is said. Raises what `Voice.start_recording` raises."""
        await self._with(lambda voice: voice.start_recording(huddle_id, recording_id))

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        """Record no more."""
        await self._with(lambda voice: voice.stop_recording(huddle_id))

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """The connections of a huddle."""
        return HuddleStats(huddle_id=huddle_id) if self._voice is None else await self._voice.stats(huddle_id)

    def totals(self) -> VoiceTotals:
        """What this node carries."""
        return VoiceTotals() if self._voice is None else self._voice.totals()
