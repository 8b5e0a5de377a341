"""Full-text search over a workspace of a million messages in fifty-one channels."""

from collections.abc import AsyncIterator, Callable
from random import Random
from time import perf_counter

import attrs

from benchmarks.core.corpus import LEFT, RARE, RIGHT, vocabulary
from benchmarks.core.million import Million, message_id, open_million, top_level
from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore.ids import MessageId

_WARM_UP = 5


@attrs.frozen
class Query:
    """What is typed, and what it has to find at least."""

    text: str
    least: int
    before: MessageId | None = None


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Through the service, as a member who may read every channel; each time with other words."""
    async with open_million(setting) as million:
        for kind, make in _kinds(million).items():
            took = [await _find(million, make()) for _ in range(_WARM_UP + setting.choose(200, 20))]
            seen = spread(took[_WARM_UP:])
            name = f"search in {million.name}, {kind}"
            yield Figure(f"{name}: p50", seen.p50 * 1000, "ms")
            yield Figure(f"{name}: p95", seen.p95 * 1000, "ms", AtMost(50))


def _kinds(million: Million) -> dict[str, Callable[[], Query]]:
    rng = Random(4)
    words = vocabulary()
    common, usual = words[:20], words[100:1000]
    middle = message_id(top_level(million.count // 2))
    return {
        "rare word": lambda: Query(rng.choice(RARE), 1),
        "usual word": lambda: Query(rng.choice(usual), 1),
        "common word": lambda: Query(rng.choice(common), 50),
        "common word, from the middle on": lambda: Query(rng.choice(common), 50, middle),
        "phrase": lambda: Query(f'"{rng.choice(common)} {rng.choice(common)}"', 1),
        "rare phrase of common words": lambda: Query(f'"{LEFT} {RIGHT}"', 1),
        "a rare and a common word": lambda: Query(f"{rng.choice(RARE)} {rng.choice(common)}", 0),
    }


async def _find(million: Million, query: Query) -> float:
    town = million.town
    began = perf_counter()
    page = await town.chat.search.find(town.workspace, query.text, actor=town.people[0], before=query.before)
    took = perf_counter() - began
    assert len(page.messages) >= query.least, (query, len(page.messages))
    return took
