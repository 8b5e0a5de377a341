"""Three thousand clients lose their connections and come back at the same moment, each with its cursor."""

from collections.abc import AsyncIterator

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Stage
from benchmarks.gateway.theirs import theirs
from benchmarks.setting import Setting

CLIENTS = 3000
MISSED, RATE = 50, 25
"""Messages that are sent while they are away, and how many a second."""
_LIMIT = 120


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The stack has no cursors: its clients only sign in again."""
    about = f"{CLIENTS:,} clients come back at once"
    async with theirs(setting, CLIENTS) as stage:
        answer = await _come_back(setting, stage, missed=0)
    yield Figure(f"{about}: all signed in, stack", answer["seconds"], "s")
    async with ours(setting, CLIENTS) as stage:
        answer = await _come_back(setting, stage, missed=MISSED)
    if answer["whole"] != CLIENTS or answer["resumed"] != CLIENTS or answer["twice"] or answer["disorder"]:
        raise RuntimeError(f"not everyone got exactly the {MISSED} messages that they missed, in order: {answer}")
    yield Figure(f"{about}: all signed in with {MISSED} missed messages, ours", answer["seconds"], "s", AtMost(20))
    yield Figure(f"{about}: the median client, ours", answer["p50"] / 1000, "s")


async def _come_back(setting: Setting, stage: Stage, missed: int) -> dict[str, float]:
    async with loading(setting, stage) as crowd, loading(setting, stage) as sender:
        await crowd.open(CLIENTS)
        await sender.open(1)
        await crowd.drop()
        sent = await sender.flow(1, RATE, missed / RATE - 0.5 / RATE) if missed else {"sent": 0}
        if sent["sent"] != missed:
            raise RuntimeError(f"{sent['sent']} messages were sent, not {missed}")
        return await crowd.resume(missed, _LIMIT)
