"""What was said, on disk: a file for each person, all in step, and a mix."""

import os
import signal
import time
from pathlib import Path

import av
import numpy as np
import pytest
import trio
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, HUDDLE, Open, Told, seat
from tests.plugins.chat_voice_webrtc.peers import (
    RATE,
    Peer,
    Room,
    Samples,
    Tone,
    loudness,
    open_room,
    pitch,
    share,
    until,
)

from chat_voice_webrtc import WebRtcVoice
from chat_voice_webrtc.recordings import MIX, remove_older
from chatcore.errors import Duplicate, Unavailable
from chatcore.ports import RecordingFinished


def read(path: Path) -> Samples:
    """A file as samples, one channel."""
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts = [made.to_ndarray()[0] for frame in file.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float64)


async def test_everybody_has_a_file_and_all_are_in_step(
    room: Room, voice: WebRtcVoice, told: Told, tmp_path: Path
) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    await voice.start_recording(HUDDLE, "r1")
    with pytest.raises(Duplicate):
        await voice.start_recording(HUDDLE, "r2")
    await trio.sleep(1.0)
    await room.join(seat(BOB), Peer((Tone(1000),)))  # a second later: their file begins with that silence
    await trio.sleep(1.0)
    await voice.mute(HUDDLE, ADA, True)  # what nobody hears is not kept either
    await trio.sleep(0.6)
    await voice.stop_recording(HUDDLE)
    await until(lambda: bool(told.of(RecordingFinished)), 20)
    (done,) = told.of(RecordingFinished)
    assert isinstance(done, RecordingFinished)
    assert (done.recording_id, done.problem) == ("r1", None)
    folder = tmp_path / "recordings" / "r1"
    assert sorted(path.name for path in folder.iterdir()) == sorted(done.files)
    names = {person: name for name, person in done.files.items()}
    ada, bob, mix = (read(folder / names[person]) for person in (ADA, BOB, "mix"))
    assert abs(pitch(ada[RATE // 2 : RATE]) - 440) < 5
    assert 1.9 * RATE < len(ada) < 2.5 * RATE
    assert loudness(bob[: int(0.8 * RATE)]) < 0.001
    assert abs(pitch(bob[-RATE // 2 :]) - 1000) < 5
    assert 2.4 * RATE < len(bob) < 3.2 * RATE
    together = mix[int(1.5 * RATE) : int(1.9 * RATE)]
    assert share(together, 440) > 0.3
    assert share(together, 1000) > 0.3
    assert folder.stat().st_mode & 0o077 == 0


async def test_what_was_said_before_the_process_died_is_kept(
    room: Room, voice: WebRtcVoice, told: Told, tmp_path: Path
) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    await voice.start_recording(HUDDLE, "r1")
    await trio.sleep(2.5)
    os.kill(voice._children[0].pid or 0, signal.SIGKILL)
    await until(lambda: bool(told.of(RecordingFinished)), 20)
    (done,) = told.of(RecordingFinished)
    assert isinstance(done, RecordingFinished)
    assert done.problem is not None
    assert "died" in done.problem
    assert sorted(done.files.values()) == sorted([ADA, "mix"])
    assert abs(pitch(read(tmp_path / "recordings" / "r1" / MIX)) - 440) < 5


async def test_a_chat_without_a_folder_records_nothing(open_port: Open, tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file is in the way")
    async with open_port() as voice, open_room(voice) as room:
        await room.join(seat(ADA), Peer((Tone(440),)))
        with pytest.raises(Unavailable, match="cannot be written"):
            await voice.start_recording(HUDDLE, "r1")
        with pytest.raises(Unavailable, match="name"):
            await voice.start_recording(HUDDLE, "../r1")
        assert voice.totals().restarts == 0


def test_recordings_are_kept_as_long_as_was_set(tmp_path: Path) -> None:
    for name, days in (("old", 31), ("young", 29)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "01-x.opus").write_bytes(b"")
        for path in (folder / "01-x.opus", folder):
            os.utime(path, (time.time() - 86_400 * days,) * 2)
    remove_older(tmp_path, time.time() - 86_400 * 30)
    assert [path.name for path in tmp_path.iterdir()] == ["young"]
    remove_older(tmp_path / "nowhere", 0)
