"""A program speaks in a huddle of a real server, and another writes down what it hears."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import trio
from tests.plugins.chat_voice_webrtc.test_call import chirp, likeness
from tests.programme.process import make_team, serving

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.programme
async def test_the_announcer_is_written_down_by_the_recorder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = chirp(tmp_path / "hello.opus")
    async with serving(tmp_path, VOICE="webrtc", VOICE_PUBLIC_ADDRESS="127.0.0.1") as server:
        team = await make_team(server)
        recorder = _run("voice_recorder.py", server.url, team.owner.token, team.general, "5", str(tmp_path / "out.wav"))
        try:
            assert recorder.stdout is not None
            with trio.fail_after(20):
                line = await trio.to_thread.run_sync(recorder.stdout.readline, abandon_on_cancel=True)
            assert line == b"listening\n"
            announcer = _run(
                "voice_announcer.py", server.url, team.other.token, team.general, str(tmp_path / "hello.opus"),
                PATH=str(tmp_path / "empty"),  # where there is no espeak-ng
            )  # fmt: skip
            with trio.fail_after(30):
                told = [await trio.to_thread.run_sync(each.communicate) for each in (announcer, recorder)]
        finally:
            recorder.kill()
    assert [words[0] for words in told] == [b"said\n", b"written\n"], told
    with wave.open(str(tmp_path / "out.wav")) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64) / 32768
    assert likeness(heard, said) > 0.8


def _run(program: str, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / program), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
    )
