"""What goes out: the slots of a client, each showing one stream of somebody else at a time."""

import secrets
from typing import TYPE_CHECKING

from chat_voice_webrtc.media import rtcp, rtp, vp8
from chat_voice_webrtc.media.negotiation import Slot
from chat_voice_webrtc.media.rewriter import Rewriter
from chat_voice_webrtc.media.strain import Strain

if TYPE_CHECKING:
    from chat_voice_webrtc.media.inside import Client
    from chat_voice_webrtc.media.streams import Stream

NEVER = float("-inf")


class OutSlot:
    """A slot that sends. `source` is what it shows, None while it is empty."""

    def __init__(self, plan: Slot, client: "Client") -> None:
        self.plan = plan
        self.source: Stream | None = None
        self.packets = 0
        self.octets = 0
        self.bytes = 0
        self.sent_at = NEVER
        self.report: rtcp.Report | None = None
        self._client = client
        # The upper half of the numbers would wrap soon, and a wrap that coincides with loss costs SRTP the stream.
        self._rewriter = Rewriter(plan.clock_rate, secrets.randbelow(0x7000), secrets.randbelow(1 << 31))
        self._blocks: dict[int, bytes] = {}

    def show(self, source: "Stream | None") -> None:
        """Show another stream, or nothing."""
        if source is self.source:
            return
        if self.source is not None:
            self.source.slots.remove(self)
        self.source = source
        self._rewriter.switch()
        if source is not None:
            source.slots.append(self)

    def timestamp_at(self, now: float) -> int:
        """For sender reports."""
        return self._rewriter.timestamp_at(now)

    def _send(self, packet: rtp.Packet, payload: bytes, marker: int, level: int, key: str, now: float) -> None:
        payload_type = self.plan.payload_types.get(key)
        mapped = None if payload_type is None else self._rewriter.map(packet.sequence, packet.timestamp, now)
        if mapped is None or payload_type is None:
            return
        block = self._blocks.get(level)
        if block is None:
            block = self._blocks[level] = self._block(level)
        size = self._client.send_rtp(
            rtp.build(marker, payload_type, mapped[0], mapped[1], self.plan.ssrc, block, payload)
        )
        if size:
            self.packets += 1
            self.octets += len(payload)
            self.bytes += size
            self.sent_at = now

    def _block(self, level: int) -> bytes:
        values: dict[int, bytes] = {}
        if self.plan.mid_extension:
            values[self.plan.mid_extension] = self.plan.mid.encode()
        if self.plan.level_extension:
            values[self.plan.level_extension] = bytes([level])
        return rtp.extension_block(values)


class AudioSlot(OutSlot):
    """A slot for a voice."""

    def __init__(self, plan: Slot, client: "Client") -> None:
        super().__init__(plan, client)
        self._fresh = True

    def show(self, source: "Stream | None") -> None:
        """Show another stream, or nothing."""
        self._fresh = self._fresh or source is not self.source
        super().show(source)

    def forward(self, packet: rtp.Packet, level: int, now: float) -> None:
        """Pass a packet on. The first of a speaker is marked: receivers may adapt their buffer there."""
        if not self._client.connected:
            return
        marker = 0x80 if self._fresh else packet.marker
        self._fresh = False
        self._send(packet, packet.payload, marker, level, "opus", now)


class VideoSlot(OutSlot):
    """A slot for a picture: it begins to show a stream at a key frame, which it asks for."""

    def __init__(self, plan: Slot, client: "Client") -> None:
        super().__init__(plan, client)
        self.waiting = False
        self.strain = Strain()
        self._asked = self._reported = 0
        self._picture_shift = self._level_shift = 0
        self._picture = self._level = 0
        self._long = False

    def show(self, source: "Stream | None") -> None:
        """Show another stream, or nothing."""
        if source is not self.source:
            super().show(source)
            self.waiting = source is not None

    @property
    def wants_key_frame(self) -> bool:
        return self.waiting and not self.strain.paused

    def reported(self, report: rtcp.Report, now: float) -> None:
        """What the receiver says of it: too much loss, and nothing is shown for a while.

        What was sent again and came counts as received in a report: so what was asked for again counts too.
        """
        asked = self._asked / max(1, self.packets - self._reported)
        self._asked, self._reported = 0, self.packets
        if self.strain.reported(max(report.fraction_lost / 256, asked), now) and self.source is not None:
            self.waiting = True
            self._rewriter.switch()

    def forward(self, packet: rtp.Packet, key: str, key_frame: bool, found: vp8.Descriptor | None, now: float) -> None:
        """Pass a packet on. `found`: what VP8 says of itself."""
        # A key frame that nobody gets is not the one that is waited for.
        if not self._client.connected or self.strain.paused:
            return
        if self.waiting:
            if not key_frame or key not in self.plan.payload_types:
                return
            self.waiting = False
            if found is not None:
                self._picture_shift = self._picture + 1 - found.picture
                self._level_shift = self._level + 1 - found.level
        payload = packet.payload
        if found is not None:
            payload = vp8.renumbered(payload, found, self._picture_shift, self._level_shift)
            self._picture = (found.picture + self._picture_shift) & (0x7FFF if found.long_picture else 0x7F)
            self._level = (found.level + self._level_shift) & 0xFF
        self._send(packet, payload, packet.marker, -1, key, now)

    def again(self, sequence: int, now: float) -> None:
        """The receiver lost this packet: send it again if it is still at hand."""
        self._asked += 1
        source, original = self.source, self._rewriter.original(sequence)
        if source is None or original is None or self.waiting:
            return
        kept = source.kept(original)
        if kept is not None:
            packet, key, found = kept
            payload = packet.payload
            if found is not None:
                payload = vp8.renumbered(payload, found, self._picture_shift, self._level_shift)
            self._send(packet, payload, packet.marker, -1, key, now)
