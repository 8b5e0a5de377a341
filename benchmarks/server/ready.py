"""How long a start takes."""

import statistics
from collections.abc import AsyncIterator

from benchmarks.figure import AtMost, Figure
from benchmarks.server.process import serving
from benchmarks.setting import Setting

STARTS = 5


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The first start makes the database and its owner; later ones find it."""
    first: list[float] = []
    later: list[float] = []
    for _ in range(setting.choose(STARTS, 2)):
        with setting.room() as folder:
            for found in (first, later):
                async with serving(folder) as server:
                    found.append(server.ready_seconds)
    yield Figure(f"ready after start, new database, median of {len(first)}", statistics.median(first), "s", AtMost(1.5))
    yield Figure(f"ready after start, median of {len(later)}", statistics.median(later), "s", AtMost(1.5))
