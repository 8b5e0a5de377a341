"""Keeping a plugin's lifespan and its jobs going, whatever they do."""

import logging
from collections.abc import Awaitable, Callable

import trio

from chatcore.hooks.containment import contained
from chatcore.hooks.implementation import Implementation
from chatcore.hooks.jobs import Job
from chatcore.hooks.observers import Fact
from chatcore.hooks.origin import acting_as, enter
from chatcore.hooks.plugin import Plugin, State
from chatcore.hooks.timing import Timed

_log = logging.getLogger("chatcore.hooks")

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
"""Seconds before a crashed lifespan is started again: doubled each time, the first again after 60 s without a crash.
Observers and jobs contain what plugins do; should they crash all the same, they always wait the first."""
OBSERVER_LIMIT = 30.0
"""Seconds for an observer to handle one fact; one that hangs holds up its own plugin's queue, nobody else's."""


async def keep_open(lifespan: Implementation, tried: trio.Event) -> None:
    """Hold a plugin's lifespan open until cancelled; start it again when it crashes.

    Sets `tried` once it is open or has crashed.
    """
    plugin = lifespan.plugin
    delay = FIRST_DELAY

    def failed(error: Exception) -> None:
        plugin.failed(lifespan.hook, error)

    while True:
        opened = trio.current_time()
        with contained(failed):
            async with lifespan.call({"chat": lifespan.slot.chat}, ()):
                plugin.state = State.RUNNING
                tried.set()
                await trio.sleep_forever()
        await trio.lowlevel.checkpoint_if_cancelled()
        # Here it crashed, or ended by a cancel scope of its own: the plugin is not there either way.
        plugin.state = State.DOWN
        tried.set()
        if trio.current_time() - opened >= LONGEST_DELAY:
            delay = FIRST_DELAY
        _log.warning("the lifespan of plugin %s ended; it is started again in %g s", plugin.name, delay)
        await trio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)
        plugin.restarts += 1


async def keep(plugin: Plugin, what: str, task: Callable[[], Awaitable[None]]) -> None:
    """Run what never ends by itself, until cancelled; should it break down, the plugin is down until it goes on."""

    def failed(error: Exception) -> None:
        plugin.failed(what, error)

    while True:
        with contained(failed):
            await task()
        await trio.lowlevel.checkpoint_if_cancelled()
        plugin.state = State.DOWN
        await trio.sleep(FIRST_DELAY)
        plugin.state = State.RUNNING
        plugin.restarts += 1


async def observe(plugin: Plugin) -> None:
    """The worker of one plugin: hand it the facts of its queue, one after the other, until cancelled."""
    while True:
        await _handle(await plugin.queue.get())


async def _handle(fact: Fact) -> None:
    each = fact.implementation

    def failed(error: Exception) -> None:
        each.plugin.failed(each.hook, error)

    acting = acting_as(enter(fact.origin, each.plugin.name))
    with trio.move_on_after(OBSERVER_LIMIT) as scope, contained(failed), acting:
        await each.result(fact.arguments, fact.origin)
    if scope.cancelled_caught:
        each.plugin.late(each.hook, f"took longer than {OBSERVER_LIMIT:g} s")


async def repeat(plugin: Plugin, job: Job) -> None:
    """Run a job at its interval until cancelled. A run that takes longer than the interval delays the next."""

    def failed(error: Exception) -> None:
        plugin.failed(f"job {job.name}", error)

    while True:
        await trio.sleep(job.every)
        with contained(failed):
            plugin.calls += 1
            await Timed(job.run(), f"job {job.name}", plugin.stepped)
