"""200 members of a channel, 10 of them send: how much is delivered at most, and how late it is then."""

from collections.abc import AsyncIterator

import attrs

from benchmarks.errors import NotHere
from benchmarks.figure import AtLeast, AtMost, Figure
from benchmarks.gateway import postgres
from benchmarks.gateway.loader import Loader, loading
from benchmarks.gateway.ours import ours, ours_on_postgres
from benchmarks.gateway.stage import Contestant, Stage
from benchmarks.gateway.theirs import theirs
from benchmarks.server.process import processor_seconds
from benchmarks.setting import Setting

MEMBERS, SENDERS = 200, 10
FIRST_RATE = 25.0
"""Messages a second of the first step."""
_GROWTH, _REFINEMENTS = 1.6, 3
_KEPT_UP = 0.97
"""The part of the offered messages that has to be delivered to everyone while they are being offered."""


@attrs.frozen
class Step:
    """`rate`: messages offered a second; `delivered`: to all members together, a second; `p99`: milliseconds.

    `processor`: microseconds of the server's processor time for each message.
    """

    rate: float
    delivered: float
    p99: float
    processor: float
    whole: bool

    @property
    def kept_up(self) -> bool:
        return self.whole and self.delivered >= _KEPT_UP * self.rate * MEMBERS


@attrs.frozen
class Saturation:
    """`peak`: the most that was ever delivered a second, however late; `sustained`: the highest step kept up with."""

    peak: float
    sustained: Step


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Ours on SQLite."""
    async for figure in _compare(setting, f"{MEMBERS} members, {SENDERS} senders", ours):
        yield figure


async def measure_on_postgres(setting: Setting) -> AsyncIterator[Figure]:
    """Both store every message in a PostgreSQL with its own settings, which shares the other core with the load."""
    if postgres.found() is None:
        raise NotHere("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    async for figure in _compare(setting, f"{MEMBERS} members, {SENDERS} senders, PostgreSQL", ours_on_postgres):
        yield figure


async def _compare(setting: Setting, about: str, contestant: Contestant) -> AsyncIterator[Figure]:
    """The stack goes first: what it reaches is then offered to us, too."""
    other = await _search(setting, theirs)
    yield Figure(f"{about}: deliveries at saturation, stack", other.peak, "/s")
    yield Figure(
        f"{about}: processor time a message, stack", other.sustained.processor, "µs", note="without PostgreSQL"
    )
    mine = await _search(setting, contestant)
    yield Figure(f"{about}: deliveries at saturation, ours", mine.sustained.delivered, "/s")
    yield Figure(f"{about}: processor time a message, ours", mine.sustained.processor, "µs")
    yield Figure(f"{about}: ours ÷ stack", mine.sustained.delivered / other.peak, "×", AtLeast(5))
    yield Figure(f"{about}: p99 at our saturation ({mine.sustained.rate:,.0f} msg/s)", mine.sustained.p99, "ms")
    rate = other.peak / MEMBERS
    there = await _at(setting, contestant, rate)
    yield Figure(f"{about}: p99 at the stack's saturation ({rate:,.0f} msg/s)", there.p99, "ms", AtMost(25))
    if not there.kept_up:
        raise RuntimeError(f"we do not keep up with {rate:,.0f} messages a second: {there}")


async def _search(setting: Setting, contestant: Contestant) -> Saturation:
    """Raise the rate until it is too much, then look between the last two steps."""
    async with contestant(setting, MEMBERS) as stage, loading(setting, stage) as load:
        await load.open(MEMBERS)
        await _step(load, stage, FIRST_RATE, 1)
        steps = await _climb(load, stage, setting)
    good = [step for step in steps if step.kept_up]
    if not good:
        raise RuntimeError(f"not even {FIRST_RATE:,.0f} messages a second were kept up with: {steps}")
    return Saturation(max(step.delivered for step in steps), max(good, key=lambda step: step.rate))


async def _climb(load: Loader, stage: Stage, setting: Setting) -> list[Step]:
    steps: list[Step] = []
    seconds = setting.choose(4, 2)

    async def keeps_up(rate: float) -> bool:
        steps.append(await _patient_step(load, stage, rate, seconds))
        return steps[-1].kept_up

    low, high = FIRST_RATE / _GROWTH, FIRST_RATE
    while await keeps_up(high):
        low, high = high, high * _GROWTH
    for _ in range(setting.choose(_REFINEMENTS, 1)):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if await keeps_up(middle) else (low, middle)
    return steps


async def _at(setting: Setting, contestant: Contestant, rate: float) -> Step:
    async with contestant(setting, MEMBERS) as stage, loading(setting, stage) as load:
        await load.open(MEMBERS)
        await _step(load, stage, FIRST_RATE, 1)
        return await _patient_step(load, stage, rate, setting.choose(8, 3))


async def _patient_step(load: Loader, stage: Stage, rate: float, seconds: float) -> Step:
    """A second try for a step that failed: something else on this machine may have got in the way."""
    step = await _step(load, stage, rate, seconds)
    return step if step.kept_up else await _step(load, stage, rate, seconds)


async def _step(load: Loader, stage: Stage, rate: float, seconds: float) -> Step:
    before = processor_seconds(stage.pid)
    answer = await load.flow(SENDERS, rate, seconds)
    await load.quiet()
    processor = (processor_seconds(stage.pid) - before) / answer["sent"] * 1e6
    whole = answer["closed"] == 0 and answer["refusals"] == 0 and answer["disorder"] == 0
    return Step(rate, answer["per_second"], answer["p99"], processor, whole)
