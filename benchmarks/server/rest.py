"""Requests per second over HTTP: posting a message, reading a page."""

import json
from collections.abc import AsyncIterator
from functools import partial
from time import perf_counter

import trio

from benchmarks.core.town import TEXT, town_config
from benchmarks.cores import two_cores
from benchmarks.figure import Figure
from benchmarks.server.keepalive import Connection
from benchmarks.server.process import serving
from benchmarks.server.seed import plant
from benchmarks.setting import Setting
from benchmarks.spread import Spread, spread

CONNECTIONS = 8


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Eight connections that are kept, each with one request in flight; the server has one core for itself."""
    core, _ = two_cores()
    seconds = setting.choose(5, 1)
    with setting.room() as folder:
        seed = await plant(town_config(folder), people=CONNECTIONS, messages=200)
        path = f"/api/channels/{seed.channel_id}/messages"
        async with serving(folder, core=core) as server:
            load = partial(requests_per_second, server.host, server.port, seed.tokens, seconds=seconds)
            for figure in _figures("REST post", *await load("POST", path, json.dumps({"content": TEXT}).encode())):
                yield figure
            for figure in _figures("REST history of 50", *await load("GET", f"{path}?limit=50")):
                yield figure


def _figures(name: str, rate: float, seen: Spread) -> list[Figure]:
    return [Figure(name, rate, "/s"), Figure(f"{name}: p99", seen.p99 * 1000, "ms")]


async def requests_per_second(
    host: str, port: int, tokens: list[str], method: str, path: str, body: bytes = b"", *, seconds: float
) -> tuple[float, Spread]:
    """How many requests were answered well each second, and how long each took. Raises RuntimeError for an error."""
    took: list[float] = []
    start = perf_counter()
    end = start + seconds

    async def client(token: str) -> None:
        async with Connection(host, port, token) as connection:
            while (began := perf_counter()) < end:
                status, answer = await connection.request(method, path, body)
                if status not in (200, 201):
                    raise RuntimeError(f"{method} {path}: {status} {answer[:500]!r}")
                took.append(perf_counter() - began)

    async with trio.open_nursery() as nursery:
        for token in tokens:
            nursery.start_soon(client, token)
    return len(took) / (perf_counter() - start), spread(took)
