"""A Redis of the benchmark's own: fresh, on a free port, gone afterwards."""

import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from benchmarks.errors import NotHere
from benchmarks.server.process import running
from benchmarks.setting import Setting

_TRIES = 100


@asynccontextmanager
async def redis(setting: Setting) -> AsyncIterator[str]:
    """The URL of an empty Redis. Raises NotHere."""
    program = shutil.which("redis-server")
    if program is None:
        raise NotHere("Redis is missing: apt-get install redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with setting.room() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        command += ["--logfile", str(folder / "redis.log")]
        async with running(command, folder, {}, core=None, errors=None):
            await _answers(port)
            yield f"redis://127.0.0.1:{port}"


async def _answers(port: int) -> None:
    for _ in range(_TRIES):
        try:
            async with await trio.open_tcp_stream("127.0.0.1", port):
                return
        except OSError:
            await trio.sleep(0.05)
    raise RuntimeError("Redis does not begin")
