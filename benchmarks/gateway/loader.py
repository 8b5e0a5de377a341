"""The load generator: compiled when its source changes, and told what to do line by line."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.cores import two_cores
from benchmarks.errors import NotHere
from benchmarks.gateway.stage import Stage
from benchmarks.server.process import running
from benchmarks.setting import Setting

SOURCES = Path(__file__).parents[1] / "load"
_OPEN_AT_ONCE = 50


@attrs.define
class Loader:
    """A running load generator. Every answer is the JSON object that `load.c` describes."""

    _process: trio.Process
    _said: bytes = b""

    async def open(self, count: int, at_once: int = _OPEN_AT_ONCE) -> dict[str, Any]:
        """Raises RuntimeError unless every connection is signed in."""
        answer = await self._command(f"open {count} {at_once}")
        if answer["live"] != count:
            raise RuntimeError(f"only {answer['live']} of {count} connections could be opened")
        return answer

    async def flow(self, senders: int, rate: float, seconds: float) -> dict[str, Any]:
        """`rate` in messages a second, 0 for one in flight."""
        return await self._command(f"flow {senders} {rate} {seconds}")

    async def drop(self) -> None:
        await self._command("drop")

    async def resume(self, missed: int, seconds: float) -> dict[str, Any]:
        return await self._command(f"resume {missed} {seconds}")

    async def quiet(self, patience: float = 60) -> None:
        """Wait until nothing comes any more. Raises RuntimeError when that takes longer than so many seconds."""
        with trio.move_on_after(patience):
            while (await self._command("wait 0.3"))["received"]:
                pass
            return
        raise RuntimeError(f"the server is still busy {patience:.0f} s after the load")

    async def _command(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._process.stdin.send_all(line.encode() + b"\n")
        while b"\n" not in self._said:
            chunk = await self._process.stdout.receive_some()
            if not chunk:
                raise RuntimeError(f"the load generator ended over {line!r}")
            self._said += chunk
        answer, _, self._said = self._said.partition(b"\n")
        found: dict[str, Any] = json.loads(answer)
        return found


@asynccontextmanager
async def loading(setting: Setting, stage: Stage, tokens: Path | None = None) -> AsyncIterator[Loader]:
    """A load generator on a core of its own. Raises NotHere without a C compiler."""
    program = _compiled(setting)
    command = [str(program), stage.dialect, str(stage.port), str(tokens or stage.tokens)]
    command += [stage.workspace_id, stage.channel_id]
    _, core = two_cores()
    async with running(command, setting.folder, {}, core=core, errors=None) as (process, _):
        try:
            yield Loader(process)
        finally:
            process.kill()


def _compiled(setting: Setting) -> Path:
    sources = sorted(SOURCES.glob("*.[ch]"))
    key = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = setting.cache / f"load-{key}"
    if program.exists():
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotHere("the load generator needs a C compiler (Debian: apt-get install gcc libc6-dev)")
    made = setting.folder / "load"
    files = [str(source) for source in sources if source.suffix == ".c"]
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(made), *files], check=True)
    made.replace(program)
    return program
