"""REST beside the stack: the same PostgreSQL, one process and one core each, the same requests."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from json import dumps

import attrs
import trio

from benchmarks.core.town import TEXT
from benchmarks.cores import two_cores
from benchmarks.errors import NotHere
from benchmarks.figure import AtLeast, Figure
from benchmarks.gateway import postgres
from benchmarks.gateway.ours import ours_on_postgres
from benchmarks.gateway.stage import Contestant, Stage
from benchmarks.gateway.theirs import theirs
from benchmarks.server.process import processor_seconds
from benchmarks.server.rest import CONNECTIONS, requests_per_second
from benchmarks.setting import Setting
from benchmarks.spread import Spread

ROUNDS = 3
"""In turns: what disturbs the machine for a while disturbs both."""


@attrs.frozen
class Pace:
    """Requests a second, and microseconds of the server's own processor time for each (PostgreSQL's is not in it)."""

    rate: float
    processor: float
    seen: Spread


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Eight connections that are kept, each with one request in flight. The figures are medians of the rounds."""
    if postgres.found() is None:
        raise NotHere("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    posts: dict[str, list[Pace]] = {"stack": [], "ours": []}
    pages: dict[str, list[Pace]] = {"stack": [], "ours": []}
    for _ in range(setting.choose(ROUNDS, 1)):
        for who, contestant in (("stack", theirs), ("ours", ours_on_postgres)):
            post, page = await _round(setting, contestant)
            posts[who].append(post)
            pages[who].append(page)
    for name, paces, target in (("REST post", posts, 1.0), ("REST history of 50", pages, 1.5)):
        best = {who: _median(rounds) for who, rounds in paces.items()}
        for who, pace in best.items():
            yield Figure(f"{name}, {who}", pace.rate, "/s")
            yield Figure(f"{name}, {who}: p99", pace.seen.p99 * 1000, "ms")
            yield Figure(f"{name}, {who}: processor time", pace.processor, "µs", note="without PostgreSQL")
        yield Figure(f"{name}: ours ÷ stack", best["ours"].rate / best["stack"].rate, "×", AtLeast(target))


def _median(paces: list[Pace]) -> Pace:
    return sorted(paces, key=lambda pace: pace.rate)[len(paces) // 2]


async def _round(setting: Setting, contestant: Contestant) -> tuple[Pace, Pace]:
    """Posting, then reading the newest page of what was posted."""
    async with contestant(setting, CONNECTIONS) as stage:
        path = f"/api/channels/{stage.channel_id}/messages"
        post = partial(_pace, stage, "POST", path, dumps({"content": TEXT}).encode())
        page = partial(_pace, stage, "GET", f"{path}?limit=50", b"")
        with _beside_the_server():
            await post(seconds=1.0)
            posted = await post(seconds=setting.choose(5, 1))
            await page(seconds=0.5)
            return posted, await page(seconds=setting.choose(5, 1))


async def _pace(stage: Stage, method: str, path: str, body: bytes, *, seconds: float) -> Pace:
    tokens = (await trio.Path(stage.tokens).read_text()).split()
    before = processor_seconds(stage.pid)
    rate, seen = await requests_per_second("127.0.0.1", stage.port, tokens, method, path, body, seconds=seconds)
    return Pace(rate, (processor_seconds(stage.pid) - before) / (rate * seconds) * 1e6, seen)


@contextmanager
def _beside_the_server() -> Iterator[None]:
    """The load stays away from the server's core."""
    _, other = two_cores()
    if other is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {other})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
