"""One device in a huddle: its connection, what it sends, and the slots that it receives by."""

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiortc import RTCCertificate

from chat_voice_webrtc.media import negotiation, rtcp, rtp
from chat_voice_webrtc.media.inside import Client, fingerprint_of
from chat_voice_webrtc.media.mux import Address, Mux
from chat_voice_webrtc.media.sdp import Answer, Offer
from chat_voice_webrtc.media.slots import AudioSlot, OutSlot, VideoSlot
from chat_voice_webrtc.media.streams import AudioStream, Stream, VideoStream

if TYPE_CHECKING:
    from chat_voice_webrtc.media.huddle import Huddle

SILENT_SECONDS = 10.0
"""Without a sign of life for so long, a client is gone: even a silent one reports every second or so."""
VIDEO_BITRATE = 1_500_000
"""Bits per second that a client may send for a picture. There is one quality for all who watch."""
NTP_EPOCH = 2_208_988_800
MAX_UNKNOWN = 16
"""SSRCs that belong to no m-line of which a client may make us look for one."""

Seat = tuple[str, str]
"""User and device."""
Wish = tuple[str, str]
"""User and source."""


class Leg:
    """A seat with a connection. `wishes` are the videos that it wants to see; None: whatever there is."""

    def __init__(self, huddle: "Huddle", seat: Seat, offer: Offer, sources: Mapping[str, str], mux: Mux,
                 certificate: RTCCertificate) -> None:  # fmt: skip
        plan = negotiation.negotiate(offer, sources)
        self.huddle = huddle
        self.seat = seat
        self.user = seat[0]
        self.offer = offer
        self.ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self.cname = secrets.token_hex(8)
        self.client = Client(mux, certificate, self._rtp, self._rtcp)
        self.role = "server" if offer.setup == "active" else "client"
        self.streams = [_stream(each, self) for each in plan.inbound]
        self.slots = [_slot(each, self.client) for each in plan.slots]
        self.wishes: list[Wish] | None = None
        self.began = huddle.now()
        self.bytes_in = 0
        self.bitrate_in = self.bitrate_out = 0.0
        self.round_trip: float | None = None
        self._certificate = certificate
        self._sections = plan.sections
        self._by_ssrc: dict[int, Stream] = {}
        self._by_mid = {stream.plan.mid.encode(): stream for stream in self.streams}
        self._unknown: set[int] = set()
        self._slot_of = {slot.plan.ssrc: slot for slot in self.slots}
        self._rated = (self.began, 0, 0)
        for stream in self.streams:
            for ssrc in stream.plan.ssrcs:
                self._by_ssrc[ssrc] = stream

    def answer(self, candidates: tuple[Address, ...]) -> str:
        """The session description for the client."""
        return Answer(
            ice_username=self.client.username,
            ice_password=self.client.password,
            fingerprint=fingerprint_of(self._certificate),
            setup="passive" if self.role == "server" else "active",
            cname=self.cname,
            candidates=candidates,
            sections=self._sections,
        ).text()

    async def connect(self) -> None:
        """Wait for the client. Raises Refused."""
        offer = self.offer
        await self.client.connect(offer.ice_username, offer.ice_password, offer.fingerprints, self.role)

    def audio_slots(self) -> list[AudioSlot]:
        return [slot for slot in self.slots if isinstance(slot, AudioSlot)]

    def video_slots(self) -> list[VideoSlot]:
        return [slot for slot in self.slots if isinstance(slot, VideoSlot)]

    async def close(self) -> None:
        """Leave the slots of others, and close the connection."""
        for stream in self.streams:
            stream.close()
        for slot in self.slots:
            slot.show(None)
        await self.client.close()

    def lost(self, now: float) -> str | None:
        """Why the client is gone; None while it is not."""
        if self.client.closed:
            return "the client closed its connection"
        if self.client.connected and now - self.client.last_heard >= SILENT_SECONDS:
            return f"nothing came from the client for {SILENT_SECONDS:g} s"
        return None

    def preamble(self) -> bytes:
        """What a compound RTCP packet begins with."""
        return rtcp.receiver_report(self.ssrc, ())

    def tick(self, now: float) -> None:
        """Ask again for what is missing."""
        for stream in self.streams:
            if isinstance(stream, VideoStream):
                stream.tick(now)
        for slot in self.video_slots() if self.client.connected else ():
            slot.strain.over(now)
            if slot.waiting:
                _want_key_frame(slot, now)

    def report(self, now: float) -> None:
        """Send what RTCP has to say, and work out the rates; once a second."""
        reports = [stream.report(now) for stream in self.streams if stream.meter.packets]
        ntp = int((time.time() + NTP_EPOCH) * (1 << 32))
        blocks = [rtcp.receiver_report(self.ssrc, reports), rtcp.source_description(self.ssrc, self.cname.encode())]
        for slot in self.slots:
            if now - slot.sent_at < 5:
                stamp = slot.timestamp_at(now)
                blocks.append(rtcp.sender_report(slot.plan.ssrc, ntp, stamp, slot.packets, slot.octets))
        video = [stream.ssrc for stream in self.streams if isinstance(stream, VideoStream) and stream.ssrc]
        if video:
            blocks.append(rtcp.bitrate_limit(self.ssrc, VIDEO_BITRATE * len(video), video))
        self.client.send_rtcp(b"".join(blocks))
        at, bytes_in, bytes_out = self._rated
        sent = sum(slot.bytes for slot in self.slots)
        if now > at:
            self.bitrate_in = 8 * (self.bytes_in - bytes_in) / (now - at)
            self.bitrate_out = 8 * (sent - bytes_out) / (now - at)
        self._rated = (now, self.bytes_in, sent)

    def stats(self, now: float) -> dict[str, Any]:
        """As `chatcore.ports.LegStats`."""
        meters = [stream.meter for stream in self.streams if stream.meter.packets]
        reports = [(slot, slot.report) for slot in self.slots if slot.report is not None]
        jitters = [1000 * meter.jitter / meter.clock_rate for meter in meters]
        jitters_out = [1000 * report.jitter / slot.plan.clock_rate for slot, report in reports]
        return {
            "user_id": self.seat[0],
            "device_id": self.seat[1],
            "seconds": round(now - self.began, 3),
            "packets_in": sum(meter.packets for meter in meters),
            "packets_out": sum(slot.packets for slot in self.slots),
            "lost_in": sum(max(0, meter.lost) for meter in meters),
            "lost_out": sum(max(0, report.lost) for _, report in reports),
            "bitrate_in": round(self.bitrate_in, 1),
            "bitrate_out": round(self.bitrate_out, 1),
            "jitter_in_ms": round(max(jitters), 3) if jitters else None,
            "jitter_out_ms": round(max(jitters_out), 3) if jitters_out else None,
            "round_trip_ms": None if self.round_trip is None else round(1000 * self.round_trip, 3),
        }

    @property
    def jitter_ms(self) -> float:
        """The worst of all its streams, both ways."""
        into = [stream.meter.jitter / stream.meter.clock_rate for stream in self.streams if stream.meter.packets]
        out = [slot.report.jitter / slot.plan.clock_rate for slot in self.slots if slot.report is not None]
        return 1000 * max(into + out, default=0.0)

    def _rtp(self, data: bytes, now: float) -> None:
        packet = rtp.parse(data)
        if packet is None:
            return
        stream = self._by_ssrc.get(packet.ssrc) or self._find(packet)
        if stream is None:
            return
        if stream.ssrc != packet.ssrc:
            stream.begin(packet.ssrc)
        self.bytes_in += len(data)
        stream.received(packet, now)

    def _find(self, packet: rtp.Packet) -> Stream | None:
        """The stream of an SSRC that the offer did not name: by its mid, or by its codec where that is enough."""
        if packet.ssrc in self._unknown or len(self._unknown) >= MAX_UNKNOWN:
            return None
        self._unknown.add(packet.ssrc)
        for stream in self.streams:
            if stream.plan.mid_extension:
                mid = rtp.extension(packet, stream.plan.mid_extension)
                if mid is not None and mid in self._by_mid:
                    self._by_ssrc[packet.ssrc] = self._by_mid[mid]
                    return self._by_mid[mid]
        fitting = [stream for stream in self.streams if packet.payload_type in stream.plan.codecs]
        if len(fitting) != 1:
            return None
        self._by_ssrc[packet.ssrc] = fitting[0]
        return fitting[0]

    def _rtcp(self, data: bytes, now: float) -> None:
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.SenderReport):
                stream = self._by_ssrc.get(item.ssrc)
                if stream is not None:
                    stream.sender = (item.ntp, now)
            elif not isinstance(item, rtcp.Bye):
                slot = self._slot_of.get(item.ssrc)
                if slot is not None:
                    self._feedback(slot, item, now)

    def _feedback(self, slot: OutSlot, item: rtcp.Item, now: float) -> None:
        if isinstance(item, rtcp.Report):
            slot.report = item
            if isinstance(slot, VideoSlot):
                slot.reported(item, now)
            if item.last:
                passed = (int((time.time() + NTP_EPOCH) * 65536) - item.last - item.delay) & 0xFFFFFFFF
                if passed < 10 * 65536:
                    self.round_trip = passed / 65536
        elif isinstance(item, rtcp.Lost) and isinstance(slot, VideoSlot):
            for sequence in item.sequences:
                slot.again(sequence, now)
        elif isinstance(item, rtcp.KeyFrameWanted) and isinstance(slot, VideoSlot):
            _want_key_frame(slot, now)


def _want_key_frame(slot: VideoSlot, now: float) -> None:
    if isinstance(slot.source, VideoStream) and not slot.strain.paused:
        slot.source.want_key_frame(now)


def _stream(plan: negotiation.Inbound, leg: Leg) -> Stream:
    return (AudioStream if plan.source is negotiation.Source.MICROPHONE else VideoStream)(plan, leg)


def _slot(plan: negotiation.Slot, client: Client) -> OutSlot:
    return (AudioSlot if plan.kind == "audio" else VideoSlot)(plan, client)
