"""A voice provider without media, for tests of what is around it: answers offers, remembers what it was asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from chatcore.errors import Duplicate, Unavailable, ValidationFailed, VoiceFull
from chatcore.hooks import hookimpl
from chatcore.ids import HuddleId, UserId
from chatcore.model import Signal, SignalType
from chatcore.ports import (
    HuddleStats,
    LegStats,
    Provider,
    ProviderContext,
    VideoSource,
    VideoWish,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)


class FakeVoice:
    """A `Voice`. Make it happen with `tell`; what was asked is in `seats`, `signals`, `muted`, `wished`, `recorded`."""

    def __init__(self, capacity: int = 100) -> None:
        self.capacity = capacity
        self.seats: dict[VoiceSeat, Mapping[str, Any]] = {}
        self.signals: list[tuple[VoiceSeat, Signal]] = []
        self.muted: set[tuple[HuddleId, UserId]] = set()
        self.wished: dict[VoiceSeat, tuple[VideoWish, ...]] = {}
        self.recorded: dict[HuddleId, str] = {}
        self.ended: list[HuddleId] = []
        self._listeners: list[VoiceListener] = []

    def on_event(self, listener: VoiceListener) -> None:
        self._listeners.append(listener)

    def tell(self, event: VoiceEvent) -> None:
        """Let this happen."""
        for listener in self._listeners:
            listener(event)

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        if offer.get("type") != "offer" or not str(offer.get("sdp", "")).startswith("v=0"):
            raise ValidationFailed.of("offer.sdp", "is no session description")
        if seat not in self.seats and len(self.seats) >= self.capacity:
            raise VoiceFull(f"The huddles of this server are full ({self.capacity} connections): try again later.")
        self.seats[seat] = offer
        return {"type": "answer", "sdp": "v=0\r\n"}

    async def leave(self, seat: VoiceSeat) -> None:
        self.seats.pop(seat, None)
        self.wished.pop(seat, None)

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        if signal.type is not SignalType.ICE_CANDIDATE:
            raise ValidationFailed.of("signal.type", "must be ice-candidate: join again with a new offer instead")
        self.signals.append((seat, signal))

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        (self.muted.add if muted else self.muted.discard)((huddle_id, user_id))

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        self.wished[seat] = videos

    async def end(self, huddle_id: HuddleId) -> None:
        self.seats = {seat: offer for seat, offer in self.seats.items() if seat.huddle_id != huddle_id}
        self.muted = {each for each in self.muted if each[0] != huddle_id}
        self.recorded.pop(huddle_id, None)
        self.ended.append(huddle_id)

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        legs = tuple(
            LegStats(user_id=seat.user_id, device_id=seat.device_id, seconds=1.0)
            for seat in self.seats
            if seat.huddle_id == huddle_id
        )
        return HuddleStats(huddle_id=huddle_id, legs=legs)

    def totals(self) -> VoiceTotals:
        huddles = {seat.huddle_id for seat in self.seats}
        return VoiceTotals(huddles=len(huddles), seats=len(self.seats), capacity=self.capacity, processes=1)

    async def start_recording(self, huddle_id: HuddleId, recording_id: str) -> None:
        if not any(seat.huddle_id == huddle_id for seat in self.seats):
            raise Unavailable("Nobody is connected to the huddle: there is nothing to record.")
        if huddle_id in self.recorded:
            raise Duplicate("This huddle is being recorded.")
        self.recorded[huddle_id] = recording_id

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        self.recorded.pop(huddle_id, None)

    async def health(self) -> dict[str, Any]:
        return {"ok": True}


class FakeVoicePlugin:
    """Provides `voice` under the name `fake`: `open_chat(plugins=[FakeVoicePlugin(voice)])`."""

    name = "fake_voice"

    def __init__(self, voice: FakeVoice) -> None:
        self._voice = voice

    @hookimpl
    def register_providers(self) -> list[Provider]:
        @asynccontextmanager
        async def factory(context: ProviderContext) -> AsyncIterator[FakeVoice]:
            yield self._voice

        return [Provider(kind="voice", name="fake", factory=factory)]
