"""What comes in: the streams that a client sends, each on its way into the slots of others."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chat_voice_webrtc.media import h264, rtcp, rtp, vp8
from chat_voice_webrtc.media.meter import Meter
from chat_voice_webrtc.media.negotiation import Inbound
from chat_voice_webrtc.media.slots import AudioSlot, OutSlot, VideoSlot

if TYPE_CHECKING:
    from chat_voice_webrtc.media.leg import Leg

NEVER = float("-inf")
KEY_FRAME_SECONDS = 0.5
"""Between two requests for a key frame, however many receivers ask."""
KEPT = 512
"""Packets of a video that are kept for those who lost one: half a second and more."""
MAX_GAP = 64
"""Lost packets in a row that are asked for again; after more, a key frame is."""
ASK_AGAIN = 0.1
ASKS = 3
"""A lost packet is asked for so often, and after so many seconds each."""

Kept = tuple[rtp.Packet, str, vp8.Descriptor | None]
SendRtcp = Callable[[bytes], None]


class Stream:
    """A stream of one client. `slots` are those that show it now."""

    def __init__(self, plan: Inbound, leg: "Leg") -> None:
        self.plan = plan
        self.leg = leg
        self.slots: list[OutSlot] = []
        self.meter = Meter(plan.clock_rate)
        self.ssrc = 0
        self.heard_at = NEVER
        self.sender: tuple[int, float] | None = None
        """The sender's last report: its time, and when it came."""

    def begin(self, ssrc: int) -> None:
        """Packets of this SSRC are this stream's from now on."""
        self.ssrc = ssrc
        self.meter = Meter(self.plan.clock_rate)
        self.sender = None

    def received(self, packet: rtp.Packet, now: float) -> None:
        """A packet of it came."""
        raise NotImplementedError

    def kept(self, sequence: int) -> Kept | None:
        """A packet from some time ago."""
        return None

    def report(self, now: float) -> rtcp.Report:
        """What we tell its sender."""
        last, delay = 0, 0
        if self.sender is not None and now - self.sender[1] < 60:
            last, delay = self.sender[0], int((now - self.sender[1]) * 65536)
        meter = self.meter
        return rtcp.Report(
            self.ssrc, meter.fraction_lost(), meter.lost, meter.extended_highest, int(meter.jitter), last, delay
        )

    def close(self) -> None:
        """It is gone: empty the slots that show it."""
        for slot in list(self.slots):
            slot.show(None)


class AudioStream(Stream):
    """A voice."""

    def received(self, packet: rtp.Packet, now: float) -> None:
        """Take its level, and pass it on."""
        self.meter.add(packet.sequence, packet.timestamp, len(packet.payload), now)
        if packet.payload_type not in self.plan.codecs:
            return
        value = rtp.extension(packet, self.plan.level_extension) if self.plan.level_extension else None
        # Who does not tell their level is heard where there is room.
        level = value[0] if value else 127
        huddle = self.leg.huddle
        self.heard_at = now
        if not huddle.talks(self, level & 0x7F, now):
            return
        if huddle.recorder is not None:
            key = (*self.leg.seat, self.plan.mid)
            huddle.recorder.write(key, packet.ssrc, packet.timestamp, packet.payload, now)
        for slot in self.slots:
            assert isinstance(slot, AudioSlot)
            slot.forward(packet, level, now)


class VideoStream(Stream):
    """A camera or a screen."""

    def __init__(self, plan: Inbound, leg: "Leg") -> None:
        super().__init__(plan, leg)
        self._kept: list[tuple[int, Kept] | None] = [None] * KEPT
        self._missing: dict[int, tuple[int, float]] = {}
        self._wanted = False
        self._asked_at = NEVER

    def received(self, packet: rtp.Packet, now: float) -> None:
        """Keep it for a while, ask for what is missing, and pass it on."""
        ahead = self.meter.add(packet.sequence, packet.timestamp, len(packet.payload), now)
        key = self.plan.codecs.get(packet.payload_type)
        if key is None or not packet.payload:
            return
        first, self.heard_at = self.heard_at == NEVER, now
        if first:
            self.leg.huddle.shows(self)
        if ahead > 1:
            self._lost(packet.sequence, ahead, now)
        else:
            self._missing.pop(packet.sequence, None)
        found = vp8.describe(packet.payload) if key == "vp8" else None
        key_frame = found.key_frame if found is not None else h264.is_key_frame(packet.payload)
        self._kept[packet.sequence % KEPT] = (packet.sequence, (packet, key, found))
        for slot in self.slots:
            assert isinstance(slot, VideoSlot)
            slot.forward(packet, key, key_frame, found, now)

    def kept(self, sequence: int) -> Kept | None:
        """A packet from the last half second."""
        entry = self._kept[sequence % KEPT]
        return entry[1] if entry is not None and entry[0] == sequence else None

    def want_key_frame(self, now: float) -> None:
        """Somebody cannot go on without one. Asked for at once, or as soon as that is allowed."""
        self._wanted = True
        self.tick(now)

    def tick(self, now: float) -> None:
        """Ask for what is still missing."""
        if not self.ssrc:
            return
        client = self.leg.client
        if self._wanted and now - self._asked_at >= KEY_FRAME_SECONDS:
            self._wanted, self._asked_at = False, now
            client.send_rtcp(self.leg.preamble() + rtcp.key_frame_wanted(self.leg.ssrc, self.ssrc))
        due = [number for number, (_, at) in self._missing.items() if now - at >= ASK_AGAIN]
        for number in due:
            asks = self._missing[number][0]
            if asks >= ASKS:
                del self._missing[number]
            else:
                self._missing[number] = (asks + 1, now)
        again = [number for number in due if number in self._missing]
        if again:
            client.send_rtcp(self.leg.preamble() + rtcp.wanted_again(self.leg.ssrc, self.ssrc, again))

    def _lost(self, sequence: int, ahead: int, now: float) -> None:
        if ahead > MAX_GAP or len(self._missing) > 2 * MAX_GAP:
            self._missing.clear()
            self.want_key_frame(now)
            return
        numbers = [(sequence - back) & 0xFFFF for back in range(ahead - 1, 0, -1)]
        self._missing.update((number, (1, now)) for number in numbers)
        self.leg.client.send_rtcp(self.leg.preamble() + rtcp.wanted_again(self.leg.ssrc, self.ssrc, numbers))
