"""A huddle of so many, seen from the server."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import trio

from benchmarks.errors import NotHere
from chat_voice_webrtc import WebRtcVoice, missing, open_voice
from chat_voice_webrtc.link import Decoder, encode
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.ports import ProviderContext, VoiceSeat

TICKS = os.sysconf("SC_CLK_TCK")
Join = Callable[[int, str], Awaitable[str]]
"""A person's number and offer -> the answer."""


@attrs.frozen(kw_only=True)
class Heard:
    """`core`: the share of one core that the media process took; `late` in ms, from sender to listener; `own`: what
    of it is the crowd's.
    """

    people: int
    speakers: int
    core: float
    packets_out: float
    late_p50: float
    late_p95: float
    own_p95: float
    missing: float
    join_ms: float


@asynccontextmanager
async def open_mixer() -> AsyncIterator[tuple[Join, int]]:
    """A server that mixes, and its process."""
    command = [sys.executable, "-m", "benchmarks.voice.mixer"]
    process = await trio.lowlevel.open_process(command, stdin=-1, stdout=-1)
    decoder, answers = Decoder(), dict[int, str]()

    async def join(person: int, sdp: str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(encode({"person": person, "sdp": sdp}))
        while person not in answers:
            for frame in decoder.feed(bytes(await process.stdout.receive_some())):
                answers[frame["person"]] = frame["sdp"]
        return answers[person]

    try:
        yield join, process.pid
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


@asynccontextmanager
async def open_port(folder: Path) -> AsyncIterator[WebRtcVoice]:
    """The port on loopback, with one process. Raises NotHere."""
    problem = missing()
    if problem is not None:
        raise NotHere(problem)
    config = Config(voice="webrtc", voice_public_address="127.0.0.1", voice_max_seats=1_000)
    async with open_voice(ProviderContext(config=config, clock=SystemClock(), data_dir=folder)) as voice:
        yield voice


def joining(voice: WebRtcVoice, huddle: int) -> Join:
    """Seats in a huddle of this number."""

    async def join(person: int, sdp: str) -> str:
        seat = VoiceSeat(
            huddle_id=HuddleId(_id(huddle)),
            channel_id=ChannelId(_id(1)),
            workspace_id=WorkspaceId(_id(2)),
            user_id=UserId(_id(1000 + person)),
            device_id="main",
        )
        return str((await voice.join(seat, {"type": "offer", "sdp": sdp}))["sdp"])

    return join


async def talk(voice: WebRtcVoice, people: int, speakers: int, seconds: float, huddle: int = 3) -> Heard:
    """Let a crowd talk. It has the last core for itself, the media process the first."""
    heard = await crowd(joining(voice, huddle), lambda: _pid(voice), people, speakers, seconds)
    await voice.end(HuddleId(_id(huddle)))
    return heard


async def crowd(join: Join, pid: Callable[[], int], people: int, speakers: int, seconds: float) -> Heard:
    """A crowd whose offers are answered by `join`. Raises AssertionError when it breaks."""
    command = [sys.executable, "-m", "benchmarks.voice.crowd", str(people), str(speakers), str(seconds)]
    process = await trio.lowlevel.open_process(command, stdin=-1, stdout=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(process.pid, {cores[-1]})
    decoder, begun, ended = Decoder(), (0.0, 0.0), dict[str, Any]()
    try:
        async for data in process.stdout:
            for frame in decoder.feed(bytes(data)):
                if "person" in frame:
                    sdp = await join(frame["person"], frame["sdp"])
                    await process.stdin.send_all(encode({"person": frame["person"], "sdp": sdp}))
                    os.sched_setaffinity(pid(), {cores[0]})
                elif frame["event"] == "begin":
                    begun = (trio.current_time(), cpu_seconds(pid()))
                else:
                    took = trio.current_time() - begun[0]
                    ended = {**frame, "took": took, "cpu": cpu_seconds(pid()) - begun[1]}
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
    assert ended, "the crowd broke"
    return Heard(
        people=people,
        speakers=speakers,
        core=ended["cpu"] / ended["took"],
        packets_out=ended["heard"] / ended["took"],
        late_p50=ended["late"]["p50"],
        late_p95=ended["late"]["p95"],
        own_p95=ended["own"]["p95"],
        missing=ended["missing"] / max(1, ended["heard"]),
        join_ms=ended["join_ms"],
    )


def cpu_seconds(pid: int) -> float:
    """Of a process, with all its threads, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _pid(voice: WebRtcVoice) -> int:
    pid = voice.pids()[0]
    assert pid is not None
    return pid


def _id(number: int) -> str:
    return str(UUID(int=(number << 80) | 0x7000_8000_0000_0000_0000))
