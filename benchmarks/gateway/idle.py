"""What an idle connection weighs: signed in, in a workspace, silent."""

from collections.abc import AsyncIterator

import trio

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.theirs import theirs
from benchmarks.server.process import resident_kb
from benchmarks.setting import Setting

SOCKETS, WARM_UP = 3000, 50


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The growth of the server's resident size, after a few connections have made it load what it needs."""
    for name, contestant, target in (("stack", theirs, None), ("ours", ours, AtMost(15))):
        async with contestant(setting, SOCKETS) as stage:
            async with loading(setting, stage) as load:
                await load.open(WARM_UP)
                await load.flow(1, 20, 1)
            await trio.sleep(setting.choose(3, 1))
            before = resident_kb(stage.pid)
            async with loading(setting, stage) as load:
                await load.open(SOCKETS)
                await trio.sleep(setting.choose(5, 2))
                after = resident_kb(stage.pid)
        yield Figure(f"{SOCKETS:,} idle sockets, {name}", (after - before) / SOCKETS, "KiB each", target)
