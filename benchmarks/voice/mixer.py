"""`python -m benchmarks.voice.mixer`: a server that decodes, mixes and encodes, on aiortc as it comes: for comparison.

It talks to the benchmark as a crowd's answerer: offers in, answers out. Everybody hears the sum of the others.
"""

import asyncio
import fractions
import os
import sys

import av
import numpy as np
import uvloop
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from chat_voice_webrtc.link import Decoder, encode

FRAME, RATE = 960, 48_000
SILENCE = np.zeros(FRAME, np.int32)


class Mix(MediaStreamTrack):
    """What one person hears."""

    kind = "audio"

    def __init__(self, room: "Room", number: int) -> None:
        super().__init__()
        self._room = room
        self._number = number
        self._at = 0
        self._began = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms."""
        due = self._began + self._at / RATE
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        total = sum((samples for number, samples in self._room.heard.items() if number != self._number), SILENCE)
        data = np.clip(total, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(data[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, fractions.Fraction(1, RATE)
        self._at += FRAME
        return frame


class Room(asyncio.Protocol):
    """Everybody, and what each said last."""

    def __init__(self, out: int) -> None:
        self.heard: dict[int, np.ndarray] = {}
        self.ended = asyncio.Event()
        self._out = out
        self._decoder = Decoder()
        self._kept: list[object] = []

    def data_received(self, data: bytes) -> None:
        """Offers come in."""
        for frame in self._decoder.feed(data):
            self._kept.append(asyncio.ensure_future(self._join(frame["person"], frame["sdp"])))

    def connection_lost(self, error: Exception | None) -> None:
        """The benchmark is over."""
        self.ended.set()

    async def _join(self, number: int, sdp: str) -> None:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._kept.append(connection)

        @connection.on("track")
        def coming(track: MediaStreamTrack) -> None:
            self._kept.append(asyncio.ensure_future(self._listen(number, track)))

        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        slot = connection.getTransceivers()[1]
        slot.sender.replaceTrack(Mix(self, number))
        slot.direction = "sendonly"
        await connection.setLocalDescription(await connection.createAnswer())
        os.write(self._out, encode({"person": number, "sdp": connection.localDescription.sdp}))

    async def _listen(self, number: int, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                self.heard[number] = frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.int32)
        except MediaStreamError:
            return


async def run(out: int) -> None:
    """Until standard input ends."""
    room = Room(out)
    await asyncio.get_running_loop().connect_read_pipe(lambda: room, sys.stdin)
    await room.ended.wait()


if __name__ == "__main__":
    original = os.dup(1)
    os.dup2(2, 1)
    uvloop.run(run(original))
