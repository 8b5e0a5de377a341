"""`chatcore serve` as a process: started, pinned to a core, timed, and stopped."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import attrs
import trio

from benchmarks.cores import pinned_to

_READY = re.compile(rb"is ready on http://([\d.]+):(\d+)")
_PATIENCE = 30.0
"""Seconds for the start, and for the stop."""


@attrs.frozen
class Server:
    """A server that accepts connections. `ready_seconds`: from the start of its process to its ready line."""

    host: str
    port: int
    pid: int
    ready_seconds: float


@asynccontextmanager
async def serving(
    folder: Path, *, core: int | None = None, environ: Mapping[str, str] | None = None, wrapper: Sequence[str] = ()
) -> AsyncIterator[Server]:
    """A server on a free port with its database in this folder and every limit lifted.

    `wrapper`: a command that takes the arguments of `chatcore` and becomes it, in its place.

    Raises RuntimeError, with what it said, when it ends before it is ready.
    """
    command = [*(wrapper or (str(Path(sys.executable).with_name("chatcore")),)), "serve", "--port", "0"]
    settings = {"DATABASE_URL": f"sqlite:///{folder}/town.db", "RATE_LIMITS": "off", "LOG_LEVEL": "warning"}
    with (folder / "server.err").open("wb") as errors:
        everything = {**settings, **(environ or {})}
        async with running(command, folder, everything, core=core, errors=errors.fileno()) as (process, began):
            match = await _ready_line(process, folder)
            yield Server(match[1].decode(), int(match[2]), process.pid, perf_counter() - began)


@asynccontextmanager
async def running(
    command: list[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    core: int | None,
    errors: int | None,
    owner: Mapping[str, Any] | None = None,
) -> AsyncIterator[tuple[trio.Process, float]]:
    """A process with pipes to talk to it, and when it was started; it is told to stop at the end, then killed.

    `errors`: where its standard error goes, ours by default. `owner`: `user` and `group` as which it runs.
    """
    began = perf_counter()
    process = await trio.lowlevel.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=folder,
        env={**os.environ, **environ},
        preexec_fn=None if core is None else pinned_to(core),
        **(owner or {}),
    )
    try:
        yield process, began
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                process.terminate()
            with trio.move_on_after(_PATIENCE):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()


async def _ready_line(process: trio.Process, folder: Path) -> re.Match[bytes]:
    assert process.stdout is not None
    said = b""
    with trio.move_on_after(_PATIENCE):
        while (match := _READY.search(said)) is None:
            chunk = await process.stdout.receive_some()
            if not chunk:
                break
            said += chunk
        else:
            return match
    told = said.decode(errors="replace") + (folder / "server.err").read_text(errors="replace")
    raise RuntimeError(f"the server did not become ready: {told[-2000:]}")


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor, in all."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> int:
    """The resident size of a process in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no resident size: it is gone")
