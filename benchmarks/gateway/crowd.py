"""A thousand members, a hundred messages a second."""

from collections.abc import AsyncIterator

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.theirs import theirs
from benchmarks.setting import Setting

MEMBERS, SENDERS, RATE = 1000, 10, 100


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """How late messages are. The stack, which is beyond its saturation here, may lose some."""
    for name, contestant, target in (("stack", theirs, None), ("ours", ours, AtMost(50))):
        async with contestant(setting, MEMBERS) as stage, loading(setting, stage) as load:
            await load.open(MEMBERS)
            await load.flow(SENDERS, RATE, 1)
            await load.quiet()
            answer = await load.flow(SENDERS, RATE, setting.choose(15, 4))
        about = f"{MEMBERS:,} members, {RATE} msg/s"
        yield Figure(f"{about}: p50, {name}", answer["p50"], "ms")
        yield Figure(f"{about}: p99, {name}", answer["p99"], "ms", target)
        if contestant is ours and (answer["received"] != answer["sent"] * MEMBERS or answer["disorder"]):
            raise RuntimeError(f"not everything arrived once and in order: {answer}")
