"""From the call of `send` to the subscriber's loop, one message in flight."""

from collections.abc import AsyncIterator
from time import perf_counter

import trio

from benchmarks.core.town import TEXT, Town, open_town
from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread

WARM_UP = 100


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The message is on the disk before the subscriber sees it."""
    with setting.room() as folder:
        async with open_town(folder, people=2) as town:
            arrivals = await _send(town, WARM_UP + setting.choose(2000, 200))
    seen = spread(arrivals[WARM_UP:])
    yield Figure("send to subscriber, durable: p50", seen.p50 * 1000, "ms", AtMost(2))
    yield Figure("send to subscriber, durable: p95", seen.p95 * 1000, "ms")


async def _send(town: Town, count: int) -> list[float]:
    author, reader = town.people
    arrivals: list[float] = []
    async with town.chat.subscribe(reader, town.workspace) as subscription:
        events = aiter(subscription)
        for _ in range(count):
            began = perf_counter()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_post, town, author)
                while (await anext(events)).type != "message_received":
                    pass
                arrivals.append(perf_counter() - began)
    return arrivals


async def _post(town: Town, author: object) -> None:
    await town.chat.messages.send(town.channel, author=town.people[0], content=TEXT)
