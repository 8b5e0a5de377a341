"""A program plays a file, and another hears it."""

import fractions
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import pytest
import trio
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, HUDDLE, Told, seat
from tests.plugins.chat_voice_webrtc.peers import Samples, until
from tests.plugins.chat_voice_webrtc.test_recording import read

from chat_voice_webrtc import WebRtcVoice
from chat_voice_webrtc.call import RATE, Call, Join, open_call
from chatcore.errors import Forbidden, Unavailable
from chatcore.ports import MediaRestarted, RecordingFinished


def joins(voice: WebRtcVoice, user: str) -> Join:
    async def join(offer: Mapping[str, str]) -> Mapping[str, str]:
        return await voice.join(seat(user), offer)

    return join


def chirp(path: Path) -> Samples:
    """Two seconds of a rising tone in steps, as a file; and as samples."""
    time = np.arange(2 * RATE) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (300 + 400 * np.floor(time * 4) / 4) * time)
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono")
        for at in range(0, len(wave), 960):
            data = (wave[at : at + 960] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(data[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, fractions.Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return wave


def likeness(heard: Samples, said: Samples) -> float:
    """The best correlation of what was said with any part of what was heard, from 0 to 1."""
    heard = np.concatenate([heard, np.zeros(len(said))])  # the end may be missing
    size = len(heard) + len(said)
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    at = int(np.argmax(np.abs(cross[: max(1, len(heard) - len(said) + 1)])))
    part = heard[at : at + len(said)]
    return float(abs(np.dot(part, said[: len(part)])) / (np.linalg.norm(part) * np.linalg.norm(said) + 1e-9))


async def collect(call: Call, into: list[bytes]) -> None:
    async for frame in call.listen():
        into.append(frame.samples)


async def test_what_one_plays_another_hears_and_a_recording_keeps(
    voice: WebRtcVoice, told: Told, tmp_path: Path
) -> None:
    said, heard = chirp(tmp_path / "hello.opus"), list[bytes]()
    async with open_call(joins(voice, ADA)) as ada, open_call(joins(voice, BOB), slots=1) as bob:
        await voice.start_recording(HUDDLE, "r1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, bob, heard)
            await ada.play(tmp_path / "hello.opus")
            await trio.sleep(0.7)
            nursery.cancel_scope.cancel()
        await voice.stop_recording(HUDDLE)
        await until(lambda: bool(told.of(RecordingFinished)), 20)
    samples = np.frombuffer(b"".join(heard), np.int16).astype(np.float64) / 32768
    assert likeness(samples, said) > 0.8
    (done,) = told.of(RecordingFinished)
    assert isinstance(done, RecordingFinished)
    name = next(name for name, person in done.files.items() if person == ADA)
    assert likeness(read(tmp_path / "recordings" / "r1" / name), said) > 0.8


@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
async def test_a_call_comes_back_after_the_media_was_started_again(
    voice: WebRtcVoice, told: bool, tmp_path: Path
) -> None:
    said, heard = chirp(tmp_path / "hello.opus"), list[bytes]()
    async with open_call(joins(voice, ADA)) as ada, open_call(joins(voice, BOB), slots=1) as bob:
        if told:
            voice.on_event(lambda event: [call.rejoin() for call in (ada, bob) if isinstance(event, MediaRestarted)])  # type: ignore[arg-type,return-value]
        process = voice._children[0]._process
        assert process is not None
        process.kill()
        await trio.sleep(0.5)
        began = trio.current_time()
        await until(lambda: voice.totals().seats == 2, 10)
        assert trio.current_time() - began < 10
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, bob, heard)
            await ada.play(tmp_path / "hello.opus")
            await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
    samples = np.frombuffer(b"".join(heard), np.int16).astype(np.float64) / 32768
    assert likeness(samples, said) > 0.8


async def test_a_call_that_may_not_come_back_is_over(voice: WebRtcVoice, tmp_path: Path) -> None:
    chirp(tmp_path / "hello.opus")
    removed = False

    async def join(offer: Mapping[str, str]) -> Mapping[str, str]:
        if removed:
            raise Forbidden("You were removed from this huddle.")
        return await voice.join(seat(ADA), offer)

    async with open_call(join) as call, trio.open_nursery() as nursery:
        ended = trio.Event()

        async def listen() -> None:
            async for _ in call.listen():
                pass
            ended.set()

        nursery.start_soon(listen)
        removed = True
        call.rejoin()
        with trio.fail_after(10), pytest.raises(Unavailable, match="removed"):
            await call.play(tmp_path / "hello.opus")
        with trio.fail_after(5):
            await ended.wait()


async def test_a_file_that_is_not_there_is_said(voice: WebRtcVoice, tmp_path: Path) -> None:
    async with open_call(joins(voice, ADA)) as call:
        with pytest.raises(FileNotFoundError):
            await call.play(tmp_path / "missing.opus")
