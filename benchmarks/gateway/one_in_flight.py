"""One message at a time to 200 members: the next is sent when everyone has the last."""

from collections.abc import AsyncIterator
from typing import Any

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Contestant
from benchmarks.gateway.theirs import theirs
from benchmarks.setting import Setting

MEMBERS = 200


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """From the sending of the message to its arrival, over all members."""
    about = f"one in flight, {MEMBERS} members"
    other = await _flow(setting, theirs)
    mine = await _flow(setting, ours)
    yield Figure(f"{about}: p50, stack", other["p50"], "ms")
    yield Figure(f"{about}: p50, ours", mine["p50"], "ms", AtMost(other["p50"]))
    yield Figure(f"{about}: p99, stack", other["p99"], "ms")
    yield Figure(f"{about}: p99, ours", mine["p99"], "ms")
    yield Figure(f"{about}: deliveries, stack", other["per_second"], "/s")
    yield Figure(f"{about}: deliveries, ours", mine["per_second"], "/s")


async def _flow(setting: Setting, contestant: Contestant) -> dict[str, Any]:
    async with contestant(setting, MEMBERS) as stage, loading(setting, stage) as load:
        await load.open(MEMBERS)
        await load.flow(1, 0, 1)
        return await load.flow(1, 0, setting.choose(8, 2))
