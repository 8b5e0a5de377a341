"""`python -m benchmarks.voice.crowd PEOPLE SPEAKERS SECONDS`: a huddle's clients, in one process on one core.

They do ICE, DTLS and SRTP, and send one packet of Opus again and again, with the moment of sending in its padding. So
one core can be fifty people, which aiortc's own clients, that encode and decode, could not. What is said to the
benchmark, over stdin and stdout, is framed as between the chat and its media process.
"""

import asyncio
import fractions
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import attrs
import av
import numpy as np
import uvloop
from aioice import Candidate
from aiortc.codecs.opus import OpusEncoder

from chat_voice_webrtc.link import Decoder, encode
from chat_voice_webrtc.media import rtp
from chat_voice_webrtc.media.inside import Client, Identity, fingerprint_of
from chat_voice_webrtc.media.mux import Mux

SLOTS = 3
WARM_UP = 2.0
PORTS = range(45_000, 48_000)
LOUD, SAMPLES, TICK = 30, 960, 0.02
LEVEL = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"


@attrs.define(eq=False)
class Person:
    """A client with one voice and three slots."""

    number: int
    identity: Identity
    heard: Callable[[bytes, float], None]
    voice: bytes
    mux: Mux = attrs.field(init=False)
    client: Client = attrs.field(init=False)
    sent: int = 0

    def __attrs_post_init__(self) -> None:
        self.mux = Mux(["127.0.0.1"], PORTS[self.number :])
        self.mux.open()
        self.client = Client(self.mux, self.identity.certificate(), self.heard, _ignore)
        self.client._connection.ice_controlling = True

    def offer(self) -> str:
        """A voice, and slots."""
        client = self.client
        transport = (
            f"a=ice-ufrag:{client.username}\r\na=ice-pwd:{client.password}\r\na=setup:actpass\r\na=rtcp-mux\r\n"
            f"a=fingerprint:{fingerprint_of(self.identity.certificate())}\r\na=rtpmap:111 opus/48000/2\r\n"
        )
        sections = "".join(
            f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na={'recvonly' if mid else 'sendonly'}\r\n"
            f"{LEVEL}{transport}" + ("" if mid else f"a=ssrc:{self.number + 1} cname:x\r\n")
            for mid in range(SLOTS + 1)
        )
        mids = " ".join(map(str, range(SLOTS + 1)))
        return f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n{sections}"

    async def connect(self, answer: str) -> None:
        """Find the server and shake hands. Raises Refused."""

        def value(name: str) -> str:
            return answer.partition(f"a={name}:")[2].partition("\r\n")[0]

        candidate = Candidate.from_sdp(value("candidate"))
        await self.client._connection.add_remote_candidate(candidate)
        await self.client._connection.add_remote_candidate(None)
        kind, fingerprint = value("fingerprint").split(" ")
        await self.client.connect(value("ice-ufrag"), value("ice-pwd"), ((kind, fingerprint),), "server")

    def speak(self) -> None:
        """20 ms of voice."""
        self.sent += 1
        payload = self.voice + struct.pack("!d", time.perf_counter())
        block = rtp.extension_block({1: bytes([LOUD])})
        self.client.send_rtp(
            rtp.build(0, 111, self.sent & 0xFFFF, self.sent * SAMPLES, self.number + 1, block, payload)
        )


@attrs.define(eq=False)
class Ears:
    """What all of them hear together: `late` in seconds for each packet; `missing` by the gaps in the numbers.

    `own`: how late a datagram is that this process sends to itself meanwhile: that much is not the server's.
    """

    counting: bool = False
    late: list[float] = attrs.field(factory=list)
    own: list[float] = attrs.field(factory=list)
    missing: int = 0
    _last: dict[int, int] = attrs.field(factory=dict)

    def heard(self, data: bytes, now: float) -> None:
        """A packet came to one of them."""
        packet = rtp.parse(data)
        if packet is None or len(packet.payload) < 8:
            return
        last = self._last.get(packet.ssrc)
        self._last[packet.ssrc] = packet.sequence
        if self.counting:
            self.late.append(time.perf_counter() - struct.unpack("!d", packet.payload[-8:])[0])
            if last is not None:
                self.missing += (packet.sequence - last - 1) & 0xFFFF if rtp.newer(packet.sequence, last) else 0


class Mirror(asyncio.DatagramProtocol):
    """A socket on which the crowd hears itself."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def datagram_received(self, data: bytes, address: object) -> None:
        """What was just sent."""
        if self._ears.counting:
            self._ears.own.append(time.perf_counter() - struct.unpack("!d", data)[0])

    async def run(self) -> None:
        """Send, until cancelled."""
        where = ("127.0.0.1", 0)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=where)
        while True:
            transport.sendto(struct.pack("!d", time.perf_counter()), transport.get_extra_info("sockname"))
            await asyncio.sleep(0.005)


@attrs.define(eq=False)
class Talk(asyncio.Protocol):
    """The way to the benchmark, which gives answers to offers."""

    out: Callable[[bytes], Any]
    answers: dict[int, asyncio.Future[str]] = attrs.field(factory=dict)
    decoder: Decoder = attrs.field(factory=Decoder)

    def data_received(self, data: bytes) -> None:
        """Answers come in."""
        for frame in self.decoder.feed(data):
            self.answers[frame["person"]].set_result(frame["sdp"])

    async def answer(self, person: Person) -> str:
        """What the server says to somebody's offer."""
        self.answers[person.number] = asyncio.get_running_loop().create_future()
        self.out(encode({"person": person.number, "sdp": person.offer()}))
        return await self.answers[person.number]


async def run(people: int, speakers: int, seconds: float, out: int) -> None:
    """Join, talk, and say what was heard."""
    loop, ears, identity, voice = asyncio.get_running_loop(), Ears(), Identity(), _voice()
    talk = Talk(lambda data: os.write(out, data))
    await loop.connect_read_pipe(lambda: talk, sys.stdin)
    crowd, joins = [Person(number, identity, ears.heard, voice) for number in range(people)], []
    for at in range(0, people, 10):
        group = crowd[at : at + 10]
        began = time.perf_counter()
        await asyncio.gather(*(_join(talk, person) for person in group))
        joins.append((time.perf_counter() - began) / len(group))
    speaking = loop.create_task(_speak(crowd[:speakers]))
    hearing = loop.create_task(Mirror(ears).run())
    await asyncio.sleep(WARM_UP)
    talk.out(encode({"event": "begin"}))
    ears.counting, before = True, sum(person.sent for person in crowd)
    await asyncio.sleep(seconds)
    ears.counting, sent = False, sum(person.sent for person in crowd) - before
    talk.out(encode({"event": "end", "late": _points(ears.late), "own": _points(ears.own), "heard": len(ears.late),
                     "missing": ears.missing,
                     "sent": sent, "join_ms": 1000 * sorted(joins)[len(joins) // 2]}))  # fmt: skip
    speaking.cancel()
    hearing.cancel()


async def _join(talk: Talk, person: Person) -> None:
    await person.connect(await talk.answer(person))


async def _speak(crowd: list[Person]) -> None:
    """Everybody every 20 ms, evenly spread over them."""
    began, step = time.perf_counter(), TICK / len(crowd)
    count = 0
    while True:
        behind = time.perf_counter() - began
        while count * step <= behind:
            crowd[count % len(crowd)].speak()
            count += 1
        await asyncio.sleep(max(0.0005, began + count * step - time.perf_counter()))


def _points(values: list[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(values)
    return {f"p{share}": 1000 * ordered[len(ordered) * share // 100] for share in (50, 95, 99)}


def _voice() -> bytes:
    """20 ms of a noise as loud as speech, as an Opus packet that ends in eight bytes of padding (RFC 6716, 3.2.5)."""
    encoder, chance = OpusEncoder(), np.random.default_rng(7)
    packet = b""
    for at in range(5):
        data = (chance.standard_normal((1, SAMPLES)) * 3_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, at * SAMPLES, fractions.Fraction(1, 48_000)
        packet = encoder.encode(frame)[0][0]
    return bytes([packet[0] | 3, 0x41, 8]) + packet[1:]


def _ignore(data: bytes, now: float) -> None:
    """Reports of the server."""


def main() -> None:
    """The command."""
    people, speakers, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    out = os.dup(1)
    os.dup2(2, 1)
    uvloop.run(run(people, speakers, seconds, out))


if __name__ == "__main__":
    main()
