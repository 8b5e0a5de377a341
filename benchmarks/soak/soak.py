"""Hours of steady load: messages to a room, people who come and go. What grows, and is everything in time?"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.cores import two_cores
from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import Loader, loading
from benchmarks.gateway.stage import Stage, write_tokens
from benchmarks.server.keepalive import Connection
from benchmarks.server.process import resident_kb, serving
from benchmarks.setting import Setting
from benchmarks.soak.crew import enlist
from benchmarks.soak.slope import percent_an_hour

MEMBERS, PASSERS_BY, SENDERS, RATE = 200, 50, 10, 50
"""Who stays; who comes and goes; who sends, and how many messages a second in all."""
SLICE_SECONDS = 60.0
WARM_UP = 0.25
"""The part of the run in which caches fill; its sizes do not count. An hour at most."""
LONG_SECONDS = 20 * 60.0
"""From here on the slope means something: before, the noise of a sample is more than a percent an hour."""
_AWAY_SECONDS = 1.0
_CALM_SECONDS, _PATIENCE = 10.0, 30.0
"""Until what was there once has ended, presence and idle connections among it; until it must have."""
_TASKS = re.compile(rb"^chatcore_tasks (\S+)$", re.MULTILINE)


@attrs.define
class Log:
    """What was seen. `sizes`: (seconds, resident KiB) after each slice."""

    sizes: list[tuple[float, float]] = attrs.field(factory=list)
    p99: list[float] = attrs.field(factory=list)
    due: int = 0
    wrong: int = 0
    returns: int = 0


@attrs.frozen
class Inventory:
    descriptors: int
    tasks: int


async def measure(setting: Setting, seconds: float) -> AsyncIterator[Figure]:
    """So many seconds of it; the figures come at the end."""
    log = Log()
    async with _stage(setting) as (stage, passing):
        await _once(setting, stage, passing)
        before = await _settled(stage, None)
        await _run(setting, stage, passing, seconds, log)
        after = await _settled(stage, before)
    about = f"soak, {seconds / 60:,.0f} min, {RATE} msg/s to {MEMBERS}"
    yield Figure(f"{about}: p99 of the median slice", sorted(log.p99)[len(log.p99) // 2], "ms")
    yield Figure(f"{about}: p99 of the worst slice", max(log.p99), "ms", AtMost(50))
    yield Figure(f"{about}: deliveries that failed", 100 * log.wrong / log.due, "%", AtMost(0.025))
    yield Figure(f"{about}: connections that came and went", log.returns, "")
    yield Figure(f"{about}: resident at the end", log.sizes[-1][1] / 1024, "MiB")
    warm = min(seconds * WARM_UP, 3600)
    slope = percent_an_hour([each for each in log.sizes if each[0] >= warm])
    yield Figure(f"{about}: growth", slope, "% an hour", AtMost(1) if seconds >= LONG_SECONDS else None)
    yield Figure(f"{about}: descriptors left", after.descriptors - before.descriptors, "", AtMost(0))
    yield Figure(f"{about}: tasks left", after.tasks - before.tasks, "", AtMost(0))


@asynccontextmanager
async def _stage(setting: Setting) -> AsyncIterator[tuple[Stage, Path]]:
    """A server; and the tokens of those who come and go."""
    core, _ = two_cores()
    with setting.room() as folder:
        crew = await enlist(folder, MEMBERS + PASSERS_BY)
        passing = folder / "passing"
        passing.mkdir()
        async with serving(folder, core=core) as server:
            stage = Stage(
                dialect="chatcore",
                port=server.port,
                pid=server.pid,
                workspace_id=crew.workspace_id,
                channel_id=crew.channel_id,
                tokens=write_tokens(folder, crew.tokens[:MEMBERS]),
            )
            yield stage, write_tokens(passing, crew.tokens[MEMBERS:])


async def _once(setting: Setting, stage: Stage, passing: Path) -> None:
    """All of it for a moment, so that what is opened once is open."""
    await _run(setting, stage, passing, 5, Log())


async def _run(setting: Setting, stage: Stage, passing: Path, seconds: float, log: Log) -> None:
    async with loading(setting, stage) as load, loading(setting, stage, passing) as others:
        await load.open(MEMBERS)
        await others.open(PASSERS_BY)
        began, slices = trio.current_time(), max(4, round(seconds / SLICE_SECONDS))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_come_and_go, others, log)
            for _ in range(slices):
                _note(log, await load.flow(SENDERS, RATE, seconds / slices))
                log.sizes.append((trio.current_time() - began, resident_kb(stage.pid)))
            nursery.cancel_scope.cancel()


def _note(log: Log, answer: dict[str, Any]) -> None:
    due = answer["sent"] * MEMBERS
    log.due += due
    log.wrong += due - answer["received"] + answer["refusals"] + answer["disorder"] + answer["closed"]
    log.p99.append(answer["p99"])


async def _come_and_go(others: Loader, log: Log) -> None:
    while True:
        # A command that was begun is waited for: its answer would otherwise be taken for that of the next.
        with trio.CancelScope(shield=True):
            await others.drop()
        await trio.sleep(_AWAY_SECONDS)
        with trio.CancelScope(shield=True):
            answer = await others.resume(0, 30)
        if answer["live"] != PASSERS_BY:
            raise RuntimeError(f"not everybody could come back: {answer}")
        log.returns += PASSERS_BY
        await trio.sleep(_AWAY_SECONDS)


async def _settled(stage: Stage, wanted: Inventory | None) -> Inventory:
    """What the server holds once everybody is gone: as much as `wanted`, or whatever it is after a while."""
    if wanted is None:
        await trio.sleep(_CALM_SECONDS)
    found = await _inventory(stage)
    with trio.move_on_after(_PATIENCE):
        while wanted is not None and found != wanted:
            await trio.sleep(1)
            found = await _inventory(stage)
    return found


async def _inventory(stage: Stage) -> Inventory:
    token = (await trio.Path(stage.tokens).read_text()).split()[0]
    async with Connection("127.0.0.1", stage.port, token) as connection:
        _, text = await connection.request("GET", "/metrics")
    tasks = _TASKS.search(text)
    assert tasks is not None, text
    return Inventory(len(os.listdir(f"/proc/{stage.pid}/fd")), int(float(tasks[1])))
