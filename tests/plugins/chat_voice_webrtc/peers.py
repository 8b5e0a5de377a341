"""Clients of aiortc, on an asyncio loop in a thread, and what they hear."""

import asyncio
import fractions
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import av
import numpy as np
import trio
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import get_decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket
from numpy.typing import NDArray
from tests.plugins.chat_voice_webrtc.lossy import BadNetwork

from chatcore.bridge import Bridge, open_bridge
from chatcore.ports import Voice, VoiceSeat

RATE = 48_000
FRAME = 960
Samples = NDArray[np.float64]


class Tone(MediaStreamTrack):
    """A sine of so many hertz; `loudness` from 0 to 1."""

    kind = "audio"

    def __init__(self, hertz: float, loudness: float = 0.3) -> None:
        super().__init__()
        self.hertz = hertz
        self.loudness = loudness
        self._at = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, when it is time for them."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        await asyncio.sleep(max(0.0, self._began + self._at / RATE - now))
        phase = 2 * np.pi * self.hertz * (np.arange(FRAME) + self._at) / RATE
        data = (np.sin(phase) * self.loudness * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(data[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, fractions.Fraction(1, RATE)
        self._at += FRAME
        return frame


class Picture(MediaStreamTrack):
    """A video of one grey; `shade` from 0 to 255."""

    kind = "video"

    def __init__(self, shade: int) -> None:
        super().__init__()
        self._shade = shade
        self._at = 0

    async def recv(self) -> av.VideoFrame:
        """The next of fifteen pictures a second."""
        await asyncio.sleep(1 / 15)
        data = np.full((120, 160, 3), self._shade, np.uint8)
        data[:, self._at % 160] = 255 - self._shade
        frame = av.VideoFrame.from_ndarray(data, format="rgb24")
        frame.pts, frame.time_base = self._at * 6000, fractions.Fraction(1, 90_000)
        self._at += 1
        return frame


@attrs.define(eq=False)
class Peer:
    """A client. Its coroutines are for the loop: `await bridge.run(peer.join, …)`."""

    sends: tuple[MediaStreamTrack, ...] = ()
    audio_slots: int = 3
    video_slots: int = 0
    connection: RTCPeerConnection = attrs.field(init=False)
    tracks: dict[str, MediaStreamTrack] = attrs.field(factory=dict, init=False)
    """mid -> what comes there."""

    async def offer(self) -> str:
        """Everything that it sends and wants to receive."""
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for track in self.sends:
            self.connection.addTransceiver(track, direction="sendonly")
        for kind, count in (("audio", self.audio_slots), ("video", self.video_slots)):
            for _ in range(count):
                self.connection.addTransceiver(kind, direction="recvonly")
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: Mapping[str, Any], seconds: float = 10.0) -> None:
        """Connect. Raises TimeoutError."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        async with asyncio.timeout(seconds):
            while self.connection.connectionState != "connected":
                if self.connection.connectionState in ("failed", "closed"):
                    raise ConnectionError(self.connection.connectionState)
                await asyncio.sleep(0.005)
        for each in self.connection.getTransceivers():
            if each.direction == "recvonly":
                self.tracks[each.mid] = each.receiver.track

    async def hear(self, mid: str, seconds: float) -> Samples:
        """So much of what comes in a slot; what had piled up, and 200 ms for the decoder to settle, are left out."""
        track = self.tracks[mid]
        for _ in range(track._queue.qsize() + 10):
            await track.recv()
        parts: list[Samples] = []
        async with asyncio.timeout(seconds + 10):
            while sum(map(len, parts)) < seconds * RATE:
                parts.append(_mono(await track.recv()))
        return np.concatenate(parts)

    async def packets(self, mid: str, seconds: float) -> list[RtpPacket]:
        """What comes in a slot in so many seconds, before aiortc's jitter buffer: that throws away whole groups when
        one is lost, which no browser does.
        """
        found: list[RtpPacket] = []
        receiver = next(each.receiver for each in self.connection.getTransceivers() if each.mid == mid)
        handle = receiver._handle_rtp_packet

        async def tap(packet: RtpPacket, arrival_time_ms: int) -> None:
            found.append(packet)
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = tap
        await asyncio.sleep(seconds)
        receiver._handle_rtp_packet = handle
        return found

    async def see(self, mid: str) -> float:
        """The mean shade of the next picture in a slot."""
        async with asyncio.timeout(20):
            frame = await self.tracks[mid].recv()
        return float(frame.to_ndarray(format="gray").mean())

    async def close(self) -> None:
        """Leave without a word to the chat."""
        await self.connection.close()


def _mono(frame: av.AudioFrame) -> Samples:
    data = frame.to_ndarray().astype(np.float64).reshape(-1, len(frame.layout.channels))
    mono: Samples = data.mean(axis=1) / 32768
    return mono


def played(packets: list[RtpPacket]) -> tuple[Samples, float]:
    """What a patient receiver hears of packets of 20 ms, with silence for those that are missing; and the share of time
    that the others cover.
    """
    first = min(packet.timestamp for packet in packets)
    placed = {(packet.timestamp - first) // FRAME: packet for packet in packets}
    sound = np.zeros((max(placed) + 1) * FRAME)
    decoder = get_decoder(RTCRtpCodecParameters(mimeType="audio/opus", clockRate=RATE, channels=2, payloadType=96))
    for at, packet in sorted(placed.items()):
        frame = JitterFrame(data=packet.payload, timestamp=packet.timestamp)
        sound[at * FRAME : (at + 1) * FRAME] = np.concatenate([_mono(each) for each in decoder.decode(frame)])[:FRAME]
    return sound, len(placed) / (max(placed) + 1)


@attrs.frozen
class Room:
    """Peers and the port between them."""

    bridge: Bridge
    voice: Voice
    peers: list[Peer] = attrs.field(factory=list)
    networks: list[BadNetwork] = attrs.field(factory=list)

    async def join(
        self,
        seat: VoiceSeat,
        peer: Peer,
        sources: Mapping[str, Any] | None = None,
        network: BadNetwork | None = None,
    ) -> Peer:
        """Give a peer a seat, and wait until it is connected."""
        self.peers.append(peer)
        sdp = await self.bridge.run(peer.offer)
        answer = await self.voice.join(seat, {"type": "offer", "sdp": sdp}, sources)
        if network is not None:
            self.networks.append(network)
            answer = await self.bridge.run(network.between, answer)
        await self.bridge.run(peer.accept, answer)
        return peer

    async def hear(self, peer: Peer, mid: str = "1", seconds: float = 0.6) -> Samples:
        """What comes in a slot of a peer."""
        return await self.bridge.run(peer.hear, mid, seconds)


@asynccontextmanager
async def open_room(voice: Voice) -> AsyncIterator[Room]:
    """Peers on a loop of asyncio's own: what aiortc's clients are tried on."""
    async with open_bridge("peers", loop_factory=asyncio.new_event_loop) as bridge:
        room = Room(bridge, voice)
        try:
            yield room
        finally:
            for peer in room.peers:
                await bridge.run(peer.close)
            for network in room.networks:
                await bridge.run(network.close)


def pitch(samples: Samples) -> float:
    """The strongest frequency, in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def share(samples: Samples, hertz: float) -> float:
    """How much of the energy is within 30 Hz of a frequency, from 0 to 1."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    near = spectrum[np.abs(frequencies - hertz) <= 30].sum()
    return float(near / max(spectrum.sum(), 1e-12))


def loudness(samples: Samples) -> float:
    """Root mean square, from 0 to 1."""
    return float(np.sqrt(np.mean(samples**2)))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something holds. Raises trio.TooSlowError."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110  # conditions of several sorts, none of which has an event
            await trio.sleep(0.02)
