"""The port: huddles pinned to media processes, and what becomes of them when one dies."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import trio

from chat_voice_webrtc.child import Listener, MediaProcess
from chat_voice_webrtc.recordings import Finished, Recordings
from chatcore.errors import Duplicate, Unavailable, ValidationFailed, VoiceFull
from chatcore.ids import HuddleId, UserId
from chatcore.model import Signal, SignalType
from chatcore.ports import (
    Background,
    HuddleStats,
    LegStats,
    MediaRestarted,
    RecordingFinished,
    SeatLost,
    SeatSlots,
    SpeakersChanged,
    VideoSource,
    VideoWish,
    VoiceEvent,
    VoiceListener,
    VoiceSeat,
    VoiceTotals,
)

JOIN_WAIT_SECONDS = 5.0
"""How long a join waits for a process that is being started."""

log = logging.getLogger("chatcore.voice.webrtc")


@attrs.define(eq=False)
class _Pinned:
    """A huddle and where its media is; `process` is None after that died, until somebody joins again."""

    process: MediaProcess | None = None
    seats: dict[tuple[str, str], VoiceSeat] = attrs.field(factory=dict)
    muted: set[UserId] = attrs.field(factory=set)
    recording: str | None = None
    folder: Path | None = None
    told: bool = True
    """False while the participants have not been told yet that they must join again."""


class WebRtcVoice(Listener):
    """A `chatcore.ports.Voice` that forwards packets."""

    def __init__(self, capacity: int, recordings: Recordings) -> None:
        self._capacity = capacity
        self.recordings = recordings
        self._children: list[MediaProcess] = []
        self._huddles: dict[HuddleId, _Pinned] = {}
        self._listeners: list[VoiceListener] = []
        self._tasks: Background | None = None
        recordings.on_finished(self._recorded)

    def serve_with(self, children: list[MediaProcess], tasks: Background) -> None:
        """These are the processes."""
        self._children = children
        self._tasks = tasks

    def pids(self) -> list[int | None]:
        """The media processes, for who watches them; None for one that does not run."""
        return [child.pid for child in self._children]

    def on_event(self, listener: VoiceListener) -> None:
        """Call `listener` with what happens."""
        self._listeners.append(listener)

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        """Give the seat a connection; returns the answer."""
        sdp = _sdp_of(offer)
        key = (seat.user_id, seat.device_id)
        pinned = self._huddles.setdefault(seat.huddle_id, _Pinned())
        process = await self._process_of(pinned)
        # Looked at here, and taken before the answer: those who join at once must not exceed the capacity together.
        had = key in pinned.seats
        if not had and sum(len(each.seats) for each in self._huddles.values()) >= self._capacity:
            self._forget_if_unused(seat.huddle_id, pinned)
            raise VoiceFull(f"The huddles of this server are full ({self._capacity} connections): try again later.")
        pinned.seats[key] = seat
        try:
            answer = await process.request(
                "join",
                {
                    **_named(seat),
                    "sdp": sdp,
                    "sources": {mid: str(source) for mid, source in (sources or {}).items()},
                    "muted": list(pinned.muted),
                },
            )
        except BaseException:
            if not had:
                pinned.seats.pop(key, None)
            raise
        return {"type": "answer", "sdp": answer["sdp"]}

    async def leave(self, seat: VoiceSeat) -> None:
        """Close the seat's connection."""
        pinned = self._huddles.get(seat.huddle_id)
        if pinned is not None and pinned.seats.pop((seat.user_id, seat.device_id), None) is not None:
            await self._ask(pinned, "leave", _named(seat))
            self._forget_if_unused(seat.huddle_id, pinned)

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        """Candidates are not needed: the client comes to us, from wherever its checks come."""
        if signal.type is not SignalType.ICE_CANDIDATE:
            raise ValidationFailed.of("signal.type", "must be ice-candidate: join again with a new offer instead")

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        """Silence a person, or let them be heard again."""
        pinned = self._huddles.setdefault(huddle_id, _Pinned())
        (pinned.muted.add if muted else pinned.muted.discard)(user_id)
        await self._ask(pinned, "mute", {"huddle": huddle_id, "user": user_id, "muted": muted})
        self._forget_if_unused(huddle_id, pinned)

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        """Choose the videos of a seat."""
        pinned = self._huddles.get(seat.huddle_id)
        if pinned is not None:
            wishes = [(wish.user_id, str(wish.source)) for wish in videos]
            await self._ask(pinned, "wants", {**_named(seat), "videos": wishes})

    async def end(self, huddle_id: HuddleId) -> None:
        """Close and forget a huddle."""
        pinned = self._huddles.pop(huddle_id, None)
        if pinned is not None:
            await self._ask(pinned, "end", {"huddle": huddle_id})

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """Its connections."""
        pinned = self._huddles.get(huddle_id)
        if pinned is None or pinned.process is None:
            return HuddleStats(huddle_id=huddle_id)
        answer = await pinned.process.request("stats", {"huddle": huddle_id})
        return HuddleStats(huddle_id=huddle_id, legs=tuple(LegStats(**leg) for leg in answer["legs"]))

    def totals(self) -> VoiceTotals:
        """What was known a second ago."""
        said = [child.totals for child in self._children]

        def count(name: str) -> int:
            return int(sum(each.get(name, 0) for each in said))

        return VoiceTotals(
            huddles=count("huddles"),
            seats=count("seats"),
            capacity=self._capacity,
            processes=sum(child.is_ready for child in self._children),
            restarts=sum(max(0, child.starts - 1) for child in self._children),
            packets_in=count("packets_in"),
            packets_out=count("packets_out"),
            packets_lost=count("packets_lost"),
            bytes_in=count("bytes_in"),
            bytes_out=count("bytes_out"),
            cpu_seconds=sum(each.get("cpu_seconds", 0.0) for each in said),
            bitrate_in=sum(each.get("bitrate_in", 0.0) for each in said),
            bitrate_out=sum(each.get("bitrate_out", 0.0) for each in said),
            jitter_ms=max((each.get("jitter_ms", 0.0) for each in said), default=0.0),
            round_trip_ms=max((each.get("round_trip_ms", 0.0) for each in said), default=0.0),
        )

    async def start_recording(self, huddle_id: HuddleId, recording_id: str) -> None:
        """Record what every seat says from now on."""
        pinned = self._huddles.get(huddle_id)
        if pinned is None or pinned.process is None:
            raise Unavailable("Nobody is connected to the huddle through this server: there is nothing to record.")
        if pinned.recording is not None:
            raise Duplicate("This huddle is being recorded.")
        folder = self.recordings.folder(recording_id)
        pinned.recording, pinned.folder = recording_id, folder
        try:
            wanted = {"huddle": huddle_id, "recording": recording_id, "folder": str(folder)}
            await pinned.process.request("record", wanted)
        except BaseException:
            pinned.recording = None
            raise

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        """Stop; `RecordingFinished` follows."""
        pinned = self._huddles.get(huddle_id)
        if pinned is not None and pinned.recording is not None:
            pinned.recording = None
            await self._ask(pinned, "stop_recording", {"huddle": huddle_id})

    async def health(self) -> dict[str, Any]:
        """Well while every process that is wanted is ready; one that nobody needed yet is not started."""
        wanted = [child for child in self._children if child.is_wanted]
        tasks = {"ok": True} if self._tasks is None else self._tasks.health()
        return {
            "ok": all(child.is_ready for child in wanted) and bool(tasks["ok"]),
            "processes": sum(child.is_ready for child in wanted),
            "restarts": self.totals().restarts,
        }

    # --- what the processes tell

    def ready(self, child: MediaProcess) -> None:
        """There is a process again: those who lost theirs may join."""
        self._tell_restarted()

    def died(self, child: MediaProcess) -> None:
        """What it carried is to be joined anew."""
        for huddle_id, pinned in self._huddles.items():
            if pinned.process is child:
                pinned.process = None
                pinned.told = not pinned.seats
                pinned.seats.clear()
                if pinned.recording is not None and pinned.folder is not None:
                    problem = "the media process died: what came after is missing"
                    self.recordings.finish(Finished(huddle_id, pinned.recording, pinned.folder, problem=problem))
                    pinned.recording = None
        if any(each.is_ready for each in self._children):
            self._tell_restarted()

    def happened(self, child: MediaProcess, event: str, data: Mapping[str, Any]) -> None:
        """Pass it on."""
        huddle_id = HuddleId(data["huddle"])
        if event == "speakers":
            self._tell(_speakers(huddle_id, data))
        elif event == "lost":
            pinned = self._huddles.get(huddle_id)
            seat = None if pinned is None else pinned.seats.pop((data["user"], data["device"]), None)
            if seat is not None and pinned is not None:
                self._tell(SeatLost(seat=seat, reason=data["reason"]))
                self._forget_if_unused(huddle_id, pinned)
        elif event == "recorded":
            recording = str(data["recording"])
            folder = self.recordings.folder(recording)
            self.recordings.finish(Finished(huddle_id, recording, folder, data["files"], data["problem"]))

    def _recorded(self, done: Finished) -> None:
        self._tell(
            RecordingFinished(
                huddle_id=done.huddle_id, recording_id=done.recording_id, files=done.files, problem=done.problem
            )
        )

    def _tell_restarted(self) -> None:
        for huddle_id, pinned in list(self._huddles.items()):
            if not pinned.told:
                pinned.told = True
                self._tell(MediaRestarted(huddle_id=huddle_id, reason="the media process was started again"))

    def _tell(self, event: VoiceEvent) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener of voice failed")

    async def _process_of(self, pinned: _Pinned) -> MediaProcess:
        """Where a huddle is, or is to be: in the process with the fewest devices. Raises Unavailable."""
        with trio.move_on_after(JOIN_WAIT_SECONDS):
            while pinned.process is None:
                child = min(self._children, key=lambda each: (not each.is_ready, self._load(each)))
                child.want()
                await child.wait_ready()
                if child.is_ready and pinned.process is None:
                    pinned.process = child
            return pinned.process
        raise Unavailable("The media of huddles is being started: try again in some seconds.")

    def _load(self, child: MediaProcess) -> int:
        return sum(len(each.seats) for each in self._huddles.values() if each.process is child)

    async def _ask(self, pinned: _Pinned, operation: str, data: Mapping[str, Any]) -> None:
        """Ask where the huddle is. Where its process is gone, what was to be done is done."""
        if pinned.process is not None and pinned.process.is_ready:
            await pinned.process.request(operation, data)

    def _forget_if_unused(self, huddle_id: HuddleId, pinned: _Pinned) -> None:
        if not pinned.seats and not pinned.muted and pinned.recording is None and pinned.told:
            self._huddles.pop(huddle_id, None)


def _named(seat: VoiceSeat) -> dict[str, str]:
    return {"huddle": seat.huddle_id, "user": seat.user_id, "device": seat.device_id}


def _sdp_of(offer: Mapping[str, Any]) -> str:
    sdp = offer.get("sdp")
    if offer.get("type") != "offer" or not isinstance(sdp, str):
        raise ValidationFailed.of("offer", 'must be {"type": "offer", "sdp": "v=0…"}')
    return sdp


def _speakers(huddle_id: HuddleId, data: Mapping[str, Any]) -> SpeakersChanged:
    return SpeakersChanged(
        huddle_id=huddle_id,
        speaking=tuple(UserId(each) for each in data["speaking"]),
        slots=tuple(
            SeatSlots(
                user_id=UserId(each["user"]),
                device_id=each["device"],
                audio={mid: UserId(user) for mid, user in each["audio"].items()},
                video={mid: UserId(user) for mid, user in each["video"].items()},
            )
            for each in data["slots"]
        ),
    )
