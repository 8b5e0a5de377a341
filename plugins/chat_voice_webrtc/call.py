"""A program's own voice in a huddle: it plays files, and listens.

    async with open_call(join) as call:         # join(offer) -> answer: `client.huddles.join`, or `Huddles.join`
        await call.play("hello.opus")
        async for frame in call.listen():
            …

`huddle` does the joining for a client of a server, `Bot.huddle` for a bot. A call whose connection is lost joins again
by itself: a media server that lives reports every second, so that silence tells. aiortc runs on an asyncio loop in a
thread, behind a bridge. Needs the extra `voice`.
"""

import asyncio
import fractions
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import chain
from os import PathLike
from typing import Any

import attrs
import av
import trio
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from chatcore.bridge import Bridge, open_bridge
from chatcore.errors import ChatError, Forbidden, NotFound, Unavailable
from chatcore.ports import background

RATE = 48_000
FRAME = 960
"""Samples per second, and in 20 ms."""
AHEAD = 25
"""Frames that are decoded before their time."""
KEPT = 500
"""Frames that a listener may be behind, some seconds; further ones are left out."""
CONNECT_SECONDS = 15.0
LAST_SECONDS = 0.1
"""From the moment at which the last frame is asked for until it is sent: who hangs up earlier cuts it off."""

Description = Mapping[str, str]
Join = Callable[[Description], Awaitable[Description]]
"""Offer -> answer, both `{"type": …, "sdp": …}`."""


STALL_SECONDS = 4.0
"""Without a packet for so long, the media server is gone: it reports every second."""
LOOK_SECONDS = 0.5
FIRST_DELAY, LONGEST_DELAY = 0.25, 3.0
BACK_SECONDS = 60.0
"""How long a call tries to come back."""

log = logging.getLogger("chatcore.voice.call")


@attrs.frozen
class Frame:
    """What was heard in a slot: 16-bit samples of one channel at 48 kHz, and when they began, in samples."""

    slot: str
    at: int
    samples: bytes


@asynccontextmanager
async def open_call(join: Join, *, slots: int = 3) -> AsyncIterator["Call"]:
    """A connection to a huddle that goes through the server. Raises what `join` raises, and Unavailable."""
    async with open_bridge("voice", loop_factory=asyncio.new_event_loop) as bridge:
        call = Call(bridge, join, slots)
        try:
            await call.join_again()
            async with background() as tasks:
                tasks.keep("voice call", call.watch)
                yield call
        finally:
            with trio.CancelScope(shield=True):
                await call.hang_up()


@asynccontextmanager
async def huddle(client: Any, channel_id: Any, *, slots: int = 3) -> AsyncIterator["Call"]:
    """Join the huddle of a channel, or start one, as `client` (of `chatcore.client`); leave it in the end.

    Raises Unavailable for one whose media goes from peer to peer.
    """
    from chatcore.client.answers import SessionDescription
    from chatcore.model import HuddleMode

    try:
        found = await client.huddles.active(channel_id)
    except NotFound:
        found = await client.huddles.start(channel_id, mode=HuddleMode.SFU)

    async def join(offer: Description) -> Description:
        joined = await client.huddles.join(found.id, offer=SessionDescription(**offer))
        if joined.answer is None:
            raise Unavailable("The media of this huddle goes from peer to peer: start it with mode `sfu`.")
        return {"type": str(joined.answer.type), "sdp": joined.answer.sdp}

    try:
        async with open_call(join, slots=slots) as call:
            yield call
    finally:
        with trio.move_on_after(5, shield=True):
            await client.huddles.leave(found.id)


class Call:
    """Made by `open_call` and `huddle`. `left_out` counts frames for which the listener was too slow."""

    def __init__(self, bridge: Bridge, join: Join, slots: int) -> None:
        self.left_out = 0
        self._bridge = bridge
        self._join = join
        self._end = _End(slots, self._heard)
        self._lost = trio.Event()
        self._over: str | None = None
        self._playing: set[trio.CancelScope] = set()
        self._frames, self._listener = trio.open_memory_channel[Frame](KEPT)

    async def play(self, file: str | PathLike[str]) -> None:
        """Play an audio file (anything that FFmpeg reads) to its end. Raises OSError, Unavailable when it is over."""
        with trio.CancelScope() as scope:
            self._playing.add(scope)
            try:
                if self._over is None:
                    return await self._bridge.run(self._end.play, str(file))
            finally:
                self._playing.discard(scope)
        raise Unavailable(f"The huddle is over for this call: {self._over}")

    async def listen(self) -> AsyncIterator[Frame]:
        """What the others say, slot by slot, until the call is over."""
        async for frame in self._listener:
            yield frame

    async def join_again(self) -> None:
        """With a new connection: after the server told that its media was started again."""
        offer = await self._bridge.run(self._end.offer)
        answer = await self._join({"type": "offer", "sdp": offer})
        await self._bridge.run(self._end.accept, dict(answer))

    def rejoin(self) -> None:
        """Join again, soon: the server told that its media was started again, or moved."""
        self._lost.set()

    async def watch(self) -> None:
        """Join again whenever that is needed; never returns."""
        while True:
            with trio.move_on_after(LOOK_SECONDS):
                await self._lost.wait()
            if self._lost.is_set() or await self._bridge.run(self._end.is_lost):
                self._lost = trio.Event()
                await self._come_back()

    async def _come_back(self) -> None:
        delay, problem = FIRST_DELAY, "the server does not answer"
        with trio.move_on_after(BACK_SECONDS):
            while True:
                try:
                    return await self.join_again()
                except (Forbidden, NotFound) as error:
                    problem = error.message
                    break
                except (ChatError, OSError) as error:
                    log.info("a call cannot join again yet: %s", error)
                await trio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY)
        self._over = problem
        for scope in self._playing:
            scope.cancel()
        self._frames.close()
        await trio.sleep_forever()

    async def hang_up(self) -> None:
        """Close the connection; `listen` ends."""
        await self._bridge.run(self._end.close)
        self._frames.close()

    def _heard(self, frame: Frame) -> None:
        """On the loop of asyncio."""
        self._bridge.call_soon(self._keep, frame)

    def _keep(self, frame: Frame) -> None:
        try:
            self._frames.send_nowait(frame)
        except trio.WouldBlock:
            self.left_out += 1
        except trio.ClosedResourceError:
            pass


class _End:
    """aiortc's end, on its own loop."""

    def __init__(self, slots: int, heard: Callable[[Frame], None]) -> None:
        self._slots = slots
        self._heard = heard
        self._connection: RTCPeerConnection | None = None
        self._speech = _Speech()
        self._listening: list[asyncio.Task[None]] = []
        self._received = 0, 0.0
        """Bytes so far, and when there were first so many."""

    async def offer(self) -> str:
        """A new connection's offer; the old one is closed."""
        await self._drop()
        self._connection = connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._speech = _Speech(self._speech)
        connection.addTransceiver(self._speech, direction="sendonly")
        for _ in range(self._slots):
            connection.addTransceiver("audio", direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        return str(connection.localDescription.sdp)

    async def accept(self, answer: dict[str, str]) -> None:
        """Connect. Raises Unavailable."""
        connection = self._connection
        assert connection is not None
        await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                while connection.connectionState not in ("connected", "failed", "closed"):  # noqa: ASYNC110  # no event
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        if connection.connectionState != "connected":
            raise Unavailable("The media server cannot be reached: is its UDP port open, its address the right one?")
        self._received = -1, asyncio.get_running_loop().time()
        for each in connection.getTransceivers():
            if each.direction == "recvonly":
                self._listening.append(asyncio.ensure_future(self._listen(each.mid or "", each.receiver.track)))

    async def is_lost(self) -> bool:
        """Whether the connection is of no more use."""
        connection = self._connection
        if connection is None or connection.connectionState in ("failed", "closed"):
            return True
        received = sum(getattr(each, "bytesReceived", 0) for each in (await connection.getStats()).values())
        now = asyncio.get_running_loop().time()
        if received != self._received[0]:
            self._received = received, now
        return now - self._received[1] > STALL_SECONDS

    async def play(self, path: str) -> None:
        """Decode in a thread, frame by frame, and wait until all is said."""
        loop = asyncio.get_running_loop()
        frames = _decoded(path)
        while (data := await loop.run_in_executor(None, next, frames, None)) is not None:
            await self._speech.waiting.put(data)
        await self._speech.waiting.join()
        await asyncio.sleep(LAST_SECONDS)

    async def close(self) -> None:
        """Hang up."""
        await self._drop()

    async def _drop(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        self._listening.clear()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _listen(self, mid: str, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                at = frame.pts or 0
                for made in resampler.resample(frame):
                    self._heard(Frame(mid, at, bytes(made.planes[0])[: 2 * made.samples]))
        except MediaStreamError:
            return


class _Speech(MediaStreamTrack):
    """What is to be said, 20 ms after another; silence when there is nothing."""

    kind = "audio"

    def __init__(self, before: "_Speech | None" = None) -> None:
        """`before`: what was not said yet on the last connection goes on here."""
        super().__init__()
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(AHEAD) if before is None else before.waiting
        self._at = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        """The next frame, when it is time for it."""
        now = asyncio.get_running_loop().time()
        self._began = now if self._began is None else self._began
        await asyncio.sleep(max(0.0, self._began + self._at / RATE - now))
        data = bytes(2 * FRAME)
        if not self.waiting.empty():
            data = self.waiting.get_nowait()
            self.waiting.task_done()
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(data)
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, fractions.Fraction(1, RATE)
        self._at += FRAME
        return frame


def _decoded(path: str) -> Iterator[bytes]:
    """A file in frames of 20 ms, the last filled up with silence. Raises OSError."""
    left = b""
    with av.open(path) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in chain(file.decode(audio=0), (None,)):
            for made in resampler.resample(frame):
                left += bytes(made.planes[0])[: 2 * made.samples]
            while len(left) >= 2 * FRAME:
                yield left[: 2 * FRAME]
                left = left[2 * FRAME :]
    if left:
        yield left + bytes(2 * FRAME - len(left))
