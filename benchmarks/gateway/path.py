"""Where the time of one message goes: from its bytes to the last of 200 writes, step by step, by the server's clock."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from benchmarks.figure import Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.one_in_flight import MEMBERS
from benchmarks.gateway.ours import ours
from benchmarks.setting import Setting

STEPS = (
    ("sent", "the frame is parsed and checked, a worker begins"),
    ("submitted", "permission, hooks, the event is encoded"),
    ("taken", "the hop to the thread of the storage"),
    ("stored", "the rows are asked for and written"),
    ("committed", "COMMIT: one fdatasync"),
    ("back", "the hop back into Trio"),
    ("told", "the hub and the rooms are told"),
    ("flushed", "until the rooms write: a lone message is not waited with, and its sender is answered later"),
    ("written", f"{MEMBERS} writes"),
)
"""The mark at which a step ends, and what it does."""


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Medians, one message in flight."""
    with setting.room() as folder:
        found = await _marks(setting, folder / "marks.json")
    before = 0.0
    for mark, name in STEPS:
        yield Figure(f"path of a message: {name}", found[mark] - before, "µs")
        before = found[mark]
    yield Figure("path of a message: from its bytes to the last write", before, "µs")


async def _marks(setting: Setting, target: Path) -> dict[str, float]:
    wrapper = (sys.executable, str(Path(__file__).with_name("marked.py")), str(target))
    async with ours(setting, MEMBERS, wrapper) as stage, loading(setting, stage) as load:
        await load.open(MEMBERS)
        await load.flow(1, 0, 1)
        await load.flow(1, 0, setting.choose(6, 2))
    found: dict[str, float] = json.loads(await trio.Path(target).read_text())
    return found
