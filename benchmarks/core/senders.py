"""Many senders at once: what group commit makes of it."""

from collections.abc import AsyncIterator
from time import perf_counter

import trio

from benchmarks.core.town import TEXT, Town, open_town
from benchmarks.figure import AtLeast, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore.model import User

SENDERS = 50


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Each sends its next message when the last one is acknowledged."""
    with setting.room() as folder:
        async with open_town(folder, people=SENDERS) as town:
            began = perf_counter()
            took = await send_all(town, began + setting.choose(8, 2))
            whole = perf_counter() - began
    seen = spread(took)
    yield Figure(f"{SENDERS} senders: durable messages", len(took) / whole, "/s", AtLeast(5000))
    yield Figure(f"{SENDERS} senders: acknowledged after, p50", seen.p50 * 1000, "ms")
    yield Figure(f"{SENDERS} senders: acknowledged after, p99", seen.p99 * 1000, "ms")


async def send_all(town: Town, end: float) -> list[float]:
    """How long each message took. Raises AssertionError unless every acknowledged message is in the log, once."""
    took: list[float] = []
    before = await town.chat.hub.position(town.workspace.id)

    async def sender(author: User) -> None:
        while (began := perf_counter()) < end:
            await town.chat.messages.send(town.channel, author=author, content=TEXT)
            took.append(perf_counter() - began)

    async with trio.open_nursery() as nursery:
        for author in town.people:
            nursery.start_soon(sender, author)
    after = await town.chat.hub.position(town.workspace.id)
    assert after.seq - before.seq == len(took), (before, after, len(took))
    return took
