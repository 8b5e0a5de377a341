"""Pages of history: as quick at the bottom as at the top."""

from collections.abc import AsyncIterator, Callable
from random import Random
from time import perf_counter

from benchmarks.core.million import Million, message_id, open_million, top_level
from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore.ids import MessageId

PAGE = 50
_WARM_UP = 10


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Through the service: permission, transaction, messages with authors, reactions and attachments."""
    rng = Random(3)
    async with open_million(setting) as million:
        depths: dict[str, Callable[[], MessageId | None]] = {
            "newest": lambda: None,
            "middle": lambda: _near(million.count // 2 + rng.randrange(million.count // 10)),
            "oldest": lambda: _near(20 * PAGE + rng.randrange(20 * PAGE)),
        }
        for depth, before in depths.items():
            took = [await _page(million, before()) for _ in range(_WARM_UP + setting.choose(400, 50))]
            seen = spread(took[_WARM_UP:])
            name = f"history page of {PAGE} of {million.name}, {depth}"
            yield Figure(f"{name}: p50", seen.p50 * 1000, "ms")
            yield Figure(f"{name}: p95", seen.p95 * 1000, "ms", AtMost(10))


def _near(number: int) -> MessageId:
    return message_id(top_level(number))


async def _page(million: Million, before: MessageId | None) -> float:
    town = million.town
    began = perf_counter()
    page = await town.chat.messages.history(town.channel, actor=town.people[0], before=before, limit=PAGE)
    took = perf_counter() - began
    assert len(page.messages) == PAGE, len(page.messages)
    return took
