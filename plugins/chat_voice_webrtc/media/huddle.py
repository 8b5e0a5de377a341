"""Those who talk with each other: who is heard, who is shown where, and what is said of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chat_voice_webrtc.media.leg import Leg, Seat, Wish
from chat_voice_webrtc.media.recorder import Recorder
from chat_voice_webrtc.media.speakers import Speakers, Talker
from chat_voice_webrtc.media.streams import AudioStream, Stream, VideoStream

PLACES = 5
"""People who are heard at once, at most; a client sees as many of them as it has slots."""
TELL_SECONDS = 0.2
"""Between two words about who speaks."""
GONE_SECONDS = 10.0
"""A stream without a packet for so long has no place: its sender took the microphone or camera away."""

Tell = Callable[[str, dict[str, Any]], None]


class Huddle:
    """`tell(event, data)`: to the chat."""

    def __init__(self, huddle_id: str, tell: Tell) -> None:
        self.id = huddle_id
        self.legs: dict[Seat, Leg] = {}
        self.muted: set[str] = set()
        self.recorder: Recorder | None = None
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._speakers: Speakers[AudioStream] = Speakers(PLACES)
        self._talkers: dict[AudioStream, Talker[AudioStream]] = {}
        self._videos: list[VideoStream] = []
        self._told: dict[str, Any] = {}
        self._told_at = float("-inf")

    def now(self) -> float:
        """Seconds, on the clock of the loop."""
        return self._loop.time()

    def add(self, leg: Leg) -> None:
        """A new device."""
        self.legs[leg.seat] = leg
        self._place_audio()
        self._place_videos(leg)

    async def remove(self, seat: Seat) -> Leg | None:
        """A device is gone; None when it was not here."""
        leg = self.legs.pop(seat, None)
        if leg is None:
            return None
        for stream in leg.streams:
            if isinstance(stream, AudioStream) and self._talkers.pop(stream, None) is not None:
                self._speakers.remove(stream)
            elif isinstance(stream, VideoStream) and stream in self._videos:
                self._videos.remove(stream)
        await leg.close()
        self._place()
        return leg

    async def close(self) -> None:
        """Everybody is gone."""
        for seat in list(self.legs):
            await self.remove(seat)

    def mute(self, user: str, muted: bool) -> None:
        """While muted nothing that they say is passed on."""
        (self.muted.add if muted else self.muted.discard)(user)
        for stream, talker in self._talkers.items():
            if stream.leg.user == user:
                talker.muted = muted
        self._place_audio()

    def wants(self, seat: Seat, wishes: list[Wish]) -> None:
        """What a device's video slots show, in their order."""
        leg = self.legs.get(seat)
        if leg is not None:
            leg.wishes = wishes
            self._place_videos(leg)

    def record(self, recording_id: str, folder: Path) -> None:
        """Write down what is said from now on. Raises OSError."""
        self.recorder = Recorder(recording_id, folder, self.now())

    def talks(self, stream: AudioStream, level: int, now: float) -> bool:
        """A packet of a voice came. False when it goes nowhere."""
        talker = self._talkers.get(stream)
        if talker is None:
            talker = self._talkers[stream] = self._speakers.add(stream)
            talker.muted = stream.leg.user in self.muted
            self._place_audio()
        if Speakers.level(talker, level, now):
            self._place_audio()
        return not talker.muted

    def shows(self, stream: VideoStream) -> None:
        """A video begins."""
        if stream not in self._videos:
            self._videos.append(stream)
        self._place()

    def tick(self, now: float) -> None:
        """What is to be done ten times a second."""
        for stream in [each for each in self._talkers if now - each.heard_at >= GONE_SECONDS]:
            del self._talkers[stream]
            self._speakers.remove(stream)
        for video in [each for each in self._videos if now - each.heard_at >= GONE_SECONDS]:
            self._videos.remove(video)
            video.heard_at = float("-inf")
            video.close()
            self._place()
        self._place_audio()
        for leg in self.legs.values():
            leg.tick(now)
        self._say_who_speaks(now)

    def _place(self) -> None:
        self._place_audio()
        for leg in self.legs.values():
            self._place_videos(leg)

    def _place_audio(self) -> None:
        heard = self._speakers.decide(self.now())
        for leg in self.legs.values():
            slots = leg.audio_slots()
            wanted = [stream for stream in heard if stream.leg.user != leg.user][: len(slots)]
            shown = {slot.source for slot in slots}
            missing = [stream for stream in wanted if stream not in shown]
            for slot in slots:
                if slot.source is None or slot.source not in wanted:
                    slot.show(missing.pop(0) if missing else None)

    def _place_videos(self, leg: Leg) -> None:
        now, slots = self.now(), leg.video_slots()
        others = [video for video in self._videos if video.leg.user != leg.user]
        if leg.wishes is None:
            kept = [slot.source if slot.source in others else None for slot in slots]
            fresh = [video for video in others if video not in kept]
            wanted: list[Stream | None] = [each or (fresh.pop(0) if fresh else None) for each in kept]
        else:
            named = {(video.leg.user, str(video.plan.source)): video for video in others}
            wanted = [named.get(wish) for wish in leg.wishes[: len(slots)]]
            wanted += [None] * (len(slots) - len(wanted))
        for slot, video in zip(slots, wanted, strict=True):
            slot.show(video)
            if slot.wants_key_frame and isinstance(video, VideoStream):
                video.want_key_frame(now)

    def _say_who_speaks(self, now: float) -> None:
        if now - self._told_at < TELL_SECONDS:
            return
        speaking = set(self._speakers.speaking(now))
        words: dict[str, Any] = {
            "huddle": self.id,
            "speaking": list(dict.fromkeys(each.leg.user for each in self._speakers.speaking(now))),
            "slots": [_slots_of(leg, speaking) for leg in self.legs.values()],
        }
        if words != self._told and (self._told or words["speaking"] or any(each["video"] for each in words["slots"])):
            self._told, self._told_at = words, now
            self._tell("speakers", words)


def _slots_of(leg: Leg, speaking: set[AudioStream]) -> dict[str, Any]:
    audio = {
        slot.plan.mid: slot.source.leg.user for slot in leg.audio_slots() if slot.source in speaking and slot.source
    }
    video = {
        slot.plan.mid: slot.source.leg.user for slot in leg.video_slots() if slot.source and not slot.strain.paused
    }
    return {"user": leg.seat[0], "device": leg.seat[1], "audio": audio, "video": video}
