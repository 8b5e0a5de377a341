"""Three thousand clients lose their connections and come back at the same moment, each with its cursor."""

from collections.abc import AsyncIterator
from time import perf_counter

import trio

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Stage
from benchmarks.gateway.theirs import theirs
from benchmarks.server.keepalive import Connection
from benchmarks.setting import Setting
from benchmarks.spread import spread

CLIENTS = 3000
MISSED, RATE = 50, 25
"""Messages that are sent while they are away, and how many a second."""
_LIMIT = 120
_REQUESTS_APART = 0.05
"""Seconds between the requests that ask meanwhile."""


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The stack has no cursors: its clients only sign in again."""
    about = f"{CLIENTS:,} clients come back at once"
    async with theirs(setting, CLIENTS) as stage:
        answer = await _come_back(setting, stage, missed=0)
    yield Figure(f"{about}: all signed in, stack", answer["seconds"], "s")
    async with ours(setting, CLIENTS) as stage:
        took: list[float] = []
        answer = await _come_back(setting, stage, missed=MISSED, took=took)
    if answer["whole"] != CLIENTS or answer["resumed"] != CLIENTS or answer["twice"] or answer["disorder"]:
        raise RuntimeError(f"not everyone got exactly the {MISSED} messages that they missed, in order: {answer}")
    yield Figure(f"{about}: all signed in with {MISSED} missed messages, ours", answer["seconds"], "s", AtMost(20))
    yield Figure(f"{about}: the median client, ours", answer["p50"] / 1000, "s")
    yield Figure(f"{about}: REST meanwhile, p99 of {len(took)} requests", spread(took).p99, "s", AtMost(2))


async def _come_back(setting: Setting, stage: Stage, missed: int, took: list[float] | None = None) -> dict[str, float]:
    """`took`: is given the seconds of every REST request made while they come back; without it none is made."""
    async with loading(setting, stage) as crowd, loading(setting, stage) as sender:
        await crowd.open(CLIENTS)
        await sender.open(1)
        await crowd.drop()
        sent = await sender.flow(1, RATE, missed / RATE - 0.5 / RATE) if missed else {"sent": 0}
        if sent["sent"] != missed:
            raise RuntimeError(f"{sent['sent']} messages were sent, not {missed}")
        async with trio.open_nursery() as nursery:
            if took is not None:
                nursery.start_soon(_ask, stage, took)
            answer = await crowd.resume(missed, _LIMIT)
            nursery.cancel_scope.cancel()
        return answer


async def _ask(stage: Stage, took: list[float]) -> None:
    """One request after the other, each on a connection of its own: as somebody would who opens a page just then."""
    token = (await trio.Path(stage.tokens).read_text()).split()[0]
    while True:
        began = perf_counter()
        async with Connection("127.0.0.1", stage.port, token) as connection:
            status, answer = await connection.request("GET", f"/api/channels/{stage.channel_id}/messages?limit=50")
        took.append(perf_counter() - began)
        if status != 200:
            raise RuntimeError(f"{status} {answer[:200]!r}")
        await trio.sleep(_REQUESTS_APART)
