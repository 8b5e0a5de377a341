"""The media of huddles: between the service and the voice port, and from the port's events to what people are told."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore.errors import Unavailable
from chatcore.ids import HuddleId, UserId
from chatcore.model import Huddle, Signal
from chatcore.ports import (
    HuddleStats,
    VideoSource,
    VideoWish,
    Voice,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)
from chatcore.service.core import Core


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
    """What carries media here, if anything does; without it every call but `join` is harmless."""

    _core: Core
    _voice: Voice | None
    _listeners: list[VoiceListener] = attrs.field(factory=list, init=False)

    @property
    def available(self) -> bool:
        """Whether a huddle can go through this server."""
        return self._voice is not None

    def start(self) -> None:
        """Begin to hear what happens to the media."""
        if self._voice is not None:
            self._voice.on_event(self._happened)

    def on_event(self, listener: VoiceListener) -> None:
        """Call `listener` with what happens."""
        self._listeners.append(listener)

    def _happened(self, event: VoiceEvent) -> None:
        for listener in self._listeners:
            listener(event)

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        """The answer to an offer. Raises what `Voice.join` raises."""
        if self._voice is None:
            raise Unavailable("This server has no voice plugin: exchange signals with the participants.")
        return await self._voice.join(seat, offer, sources)

    async def leave(self, seat: VoiceSeat) -> None:
        """Close a seat's connection."""
        if self._voice is not None:
            await self._voice.leave(seat)

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        """Pass a late candidate on."""
        if self._voice is not None:
            await self._voice.signal(seat, signal)

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        """Silence a person's microphones, or let them be heard again."""
        if self._voice is not None:
            await self._voice.mute(huddle_id, user_id, muted)

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        """Choose the videos of a seat."""
        if self._voice is not None:
            await self._voice.wants(seat, videos)

    async def end(self, huddle_id: HuddleId) -> None:
        """The huddle is over."""
        if self._voice is not None:
            await self._voice.end(huddle_id)

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """The connections of a huddle."""
        return HuddleStats(huddle_id=huddle_id) if self._voice is None else await self._voice.stats(huddle_id)

    def totals(self) -> VoiceTotals:
        """What this node carries."""
        return VoiceTotals() if self._voice is None else self._voice.totals()
