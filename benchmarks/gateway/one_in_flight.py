"""One message at a time to 200 members: the next is sent when everyone has the last."""

from collections.abc import AsyncIterator
from statistics import median
from typing import Any

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Contestant
from benchmarks.gateway.theirs import theirs
from benchmarks.setting import Setting

MEMBERS, TURNS = 200, 3


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """From the sending of the message to its arrival, over all members: the median of turns that alternate, because a
    machine is not as fast at one minute as at another.
    """
    about = f"one in flight, {MEMBERS} members"
    turns: dict[str, list[dict[str, Any]]] = {"stack": [], "ours": []}
    for _ in range(setting.choose(TURNS, 1)):
        turns["stack"].append(await _flow(setting, theirs))
        turns["ours"].append(await _flow(setting, ours))
    found = {who: _middle(mine) for who, mine in turns.items()}
    for key, name, unit in (("p50", "p50", "ms"), ("p99", "p99", "ms"), ("per_second", "deliveries", "/s")):
        for who in turns:
            target = AtMost(found["stack"][key]) if who == "ours" and key == "p50" else None
            yield Figure(f"{about}: {name}, {who}", found[who][key], unit, target)


def _middle(answers: list[dict[str, Any]]) -> dict[str, float]:
    return {key: median(answer[key] for answer in answers) for key in ("p50", "p99", "per_second")}


async def _flow(setting: Setting, contestant: Contestant) -> dict[str, Any]:
    async with contestant(setting, MEMBERS) as stage, loading(setting, stage) as load:
        await load.open(MEMBERS)
        await load.flow(1, 0, 1)
        return await load.flow(1, 0, setting.choose(5, 2))
