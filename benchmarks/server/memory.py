"""How big a server is that nobody uses."""

from collections.abc import AsyncIterator

import trio

from benchmarks.figure import AtMost, Figure
from benchmarks.server.process import resident_kb, serving
from benchmarks.setting import Setting


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """After it has come to rest."""
    with setting.room() as folder:
        async with serving(folder) as server:
            await trio.sleep(setting.choose(5, 2))
            yield Figure("idle server, resident", resident_kb(server.pid) / 1024, "MiB", AtMost(90))
