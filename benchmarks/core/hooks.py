"""What hooks cost when no plugin listens: they are called for every message."""

from collections.abc import AsyncIterator
from time import perf_counter

from benchmarks.figure import AtMost, Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore.config import Config
from chatcore.hooks import Hooks

CALLS = 1000


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Milliseconds that 1,000 calls add; the empty loop around them is not counted."""
    hooks = Hooks(Config(), use_installed=False)
    value = object()
    rounds = setting.choose(200, 30)
    empty = spread([await _empty() for _ in range(rounds)]).p50
    filters = spread([await _filters(hooks, value) for _ in range(rounds)]).p50
    observers = spread([await _observers(hooks, value) for _ in range(rounds)]).p50
    yield Figure("1,000 filter calls without a plugin (await filter)", (filters - empty) * 1000, "ms", AtMost(1))
    yield Figure("1,000 observer calls without a plugin (did)", (observers - empty) * 1000, "ms", AtMost(1))


async def _empty() -> float:
    began = perf_counter()
    for _ in range(CALLS):
        pass
    return perf_counter() - began


async def _filters(hooks: Hooks, value: object) -> float:
    began = perf_counter()
    for _ in range(CALLS):
        await hooks.filter("message_will_send", value=value)
    return perf_counter() - began


async def _observers(hooks: Hooks, value: object) -> float:
    began = perf_counter()
    for _ in range(CALLS):
        hooks.did("message_sent", message=value, workspace_id="")
    return perf_counter() - began
