"""WebSocket clients that others wrote, each in a process of its own that a test speaks to."""

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

_CLIENTS = Path(__file__).parent / "clients"
_WS = "ws@8.23.0"
_PATIENCE = 20.0


def install_ws(folder: Path) -> Path:
    """Fetch `ws` with npm into a folder; the program that uses it."""
    assert shutil.which("npm"), "npm is missing: apt-get install npm"
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--silent"]
    subprocess.run(["npm", "install", *options, _WS], cwd=folder, check=True)
    return Path(shutil.copy(_CLIENTS / "bridge.mjs", folder))


def command_of(client: str, ws: Path) -> Sequence[str]:
    """What starts a client. `ws`: what `install_ws` gave."""
    return ["node", str(ws)] if client == "ws" else [sys.executable, str(_CLIENTS / "bridge.py")]


class Leash:
    """A running client."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._said = b""

    async def do(self, **command: Any) -> None:
        """send=text, fragments=[text, …], binary=text, ping=text, close=[code, reason]."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps(command).encode() + b"\n")

    async def say(self, type_: str, frame_id: str, **data: Any) -> None:
        """Send a frame of the chat's protocol."""
        await self.do(send=json.dumps({"type": type_, "id": frame_id, "data": data}))

    async def hear(self, what: str) -> Any:
        """Wait for the next event of this kind: open, text, pong, closed. Others are skipped."""
        assert self._process.stdout is not None
        with trio.fail_after(_PATIENCE):
            while True:
                while b"\n" not in self._said:
                    data = await self._process.stdout.receive_some()
                    assert data, f"the client ended while it was to report {what}"
                    self._said += data
                line, _, self._said = self._said.partition(b"\n")
                event = json.loads(line)
                if what in event:
                    return event[what]

    async def frame(self, wanted: str) -> Any:
        """The next frame of the chat's protocol with this id or of this type."""
        while True:
            frame = json.loads(await self.hear("text"))
            if wanted in (frame.get("id"), frame["type"]):
                return frame

    async def closed(self) -> int:
        """Wait for the end; the close code that the client saw."""
        code: int = (await self.hear("closed"))[0]
        return code


@asynccontextmanager
async def leashed(command: Sequence[str], url: str, headers: Mapping[str, str]) -> AsyncIterator[Leash]:
    """A client that is connected; it is ended with the context."""
    whole = [*command, url, json.dumps(dict(headers))]
    process = await trio.lowlevel.open_process(whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        leash = Leash(process)
        # No compression, whatever was offered.
        assert await leash.hear("open") == ""
        yield leash
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()
