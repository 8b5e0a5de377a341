"""A bot speaks in a huddle of a real server, another writes down what it hears, and both outlive what carries them."""

import os
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import trio
from tests.plugins.chat_voice_webrtc.peers import Samples, until
from tests.plugins.chat_voice_webrtc.test_call import chirp, likeness
from tests.plugins.chat_voice_webrtc.test_recording import read
from tests.programme.process import Person, Server, Team, make_team, serving

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.programme


async def said_in(team: Team, text: str, seconds: float = 40) -> str:
    """The message with this text, once it is there; its whole text."""
    with trio.fail_after(seconds):
        while True:
            page = await team.owner.ask("GET", team.messages)
            for message in page["messages"]:
                if text in message["content"]:
                    return str(message["content"])
            await trio.sleep(0.1)


@asynccontextmanager
async def bots(folder: Path, server: Server, team: Team, **environ: str) -> AsyncIterator[None]:
    """The two bots of the examples, in processes of their own."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("announcer", "recorder"):
            email = f"{name}@bots.example.org"
            await server.command("user", "create", email, "--bot", "--name", name, "--workspace", "team")
            token = await server.command("token", "create", email, "--name", "test")
            places = {"CHATCORE_BOT_DATA": str(folder / name), "RECORDINGS": str(folder)}
            variables = {"CHATCORE_URL": server.url, "CHATCORE_TOKEN": token.split()[-1], **places, **environ}
            with open(folder / f"{name}.log", "wb") as log:
                program = [sys.executable, str(EXAMPLES / f"{name}_bot.py")]
                running.append(subprocess.Popen(program, env={**os.environ, **variables}, stderr=log))
        for name in ("announcer", "recorder"):
            log_file = folder / f"{name}.log"
            await until(lambda log_file=log_file: "listens in team" in log_file.read_text(), 40)  # type: ignore[misc]
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def written(folder: Path, line: str) -> Samples:
    with wave.open(str(folder / line.split()[-1].rstrip("."))) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64) / 32768


def fake_espeak(folder: Path) -> Samples:
    """A program that writes the same chirp whatever it is to say; and what that is."""
    chirp(folder / "chirp.opus")
    samples = read(folder / "chirp.opus")
    with wave.open(str(folder / "chirp.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((samples * 32767).astype(np.int16).tobytes())
    program = folder / "espeak"
    program.write_text(
        f'#!/bin/sh\n[ "$1 $2" = "--stdin -w" ] && cat > "{folder}/asked" && cp "{folder}/chirp.wav" "$3"\n'
    )
    program.chmod(0o700)
    return samples


async def say(person: Person, team: Team, text: str) -> None:
    await person.ask("POST", team.messages, {"content": text})


async def test_what_the_announcer_says_the_recorder_writes_down(tmp_path: Path) -> None:
    said = fake_espeak(tmp_path)
    async with serving(tmp_path, VOICE="webrtc", VOICE_PUBLIC_ADDRESS="127.0.0.1") as server:
        team = await make_team(server)
        async with bots(tmp_path, server, team, ESPEAK=str(tmp_path / "espeak")):
            await say(team.owner, team, "!record 6s")
            await said_in(team, "I am listening.")
            await say(team.other, team, "!say -f /etc/passwd")
            await said_in(team, "Said.")
            line = await said_in(team, "Written to")
    assert (tmp_path / "asked").read_text() == "-f /etc/passwd"
    assert likeness(written(tmp_path, line), said) > 0.8


@pytest.mark.slow
async def test_bots_come_back_after_the_server_was_killed(tmp_path: Path) -> None:
    said = fake_espeak(tmp_path)
    async with serving(tmp_path, VOICE="webrtc", VOICE_PUBLIC_ADDRESS="127.0.0.1") as server:
        team = await make_team(server)
        async with bots(tmp_path, server, team, ESPEAK=str(tmp_path / "espeak")):
            await say(team.owner, team, "!record 25s")
            await said_in(team, "I am listening.")
            await server.kill()
            await server.start()
            await trio.sleep(8)
            await say(team.other, team, "!say Hello again")
            await said_in(team, "Said.")
            line = await said_in(team, "Written to")
    assert likeness(written(tmp_path, line), said) > 0.8


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed here")
async def test_the_true_voice_is_understood_by_ffmpeg(tmp_path: Path) -> None:
    file: Any = tmp_path / "text.wav"
    await trio.run_process(["espeak-ng", "--stdin", "-w", str(file)], stdin=b"The build is green.")
    with av.open(str(file)) as sound:
        assert sum(frame.samples for frame in sound.decode(audio=0)) > 10_000
