"""The tasks of the plugins: workers of observers, lifespans and jobs. In one nursery, which no failure leaves."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from chatcore.hooks.containment import contained
from chatcore.hooks.implementation import Implementation
from chatcore.hooks.jobs import Job
from chatcore.hooks.lifespan import keep, keep_open, observe, repeat
from chatcore.hooks.origin import acting_as
from chatcore.hooks.plugin import Plugin, State
from chatcore.hooks.registry import Registry

_log = logging.getLogger("chatcore.hooks")

START_LIMIT = 5.0
"""Seconds that the start waits for all lifespans to be open; one that takes longer is down until it is."""
DRAIN_LIMIT = 2.0
"""Seconds for the observers to catch up when the chat is closed."""


class Supervision:
    """Starts and stops what plugins run."""

    def __init__(self, registry: Registry, jobs: Sequence[tuple[str, Job]]) -> None:
        """`jobs`: each with the name of its plugin."""
        self._registry = registry
        self._jobs = jobs
        self._nursery: trio.Nursery | None = None

    @asynccontextmanager
    async def running(self, *, jobs: bool = True) -> AsyncIterator[None]:
        """Everything runs while this is open. What is raised inside comes out as it is."""
        raised: Exception | None = None
        self._jobs = self._jobs if jobs else ()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self._start_all()
                yield
                await self._drain()
            except Exception as error:
                raised = error
            finally:
                self._nursery = None
                nursery.cancel_scope.cancel()
        if raised is not None:
            raise raised

    def start(self, plugin: Plugin) -> trio.Event:
        """Begin to run a plugin's parts. The event is set once its lifespan is open, or failed to."""
        tried = trio.Event()
        plugin.state = State.RUNNING if self._of("plugin_lifespan", plugin) is None else State.STARTING
        if self._nursery is not None:
            self._nursery.start_soon(self._run, plugin, tried, name=f"plugin {plugin.name}")
        return tried

    def stop(self, plugin: Plugin) -> None:
        """Cancel what a plugin runs, and forget what its observers have not seen."""
        if plugin.scope is not None:
            plugin.scope.cancel()
        plugin.queue.clear()

    async def settled(self) -> None:
        """Wait until no plugin has a fact left to handle."""
        # Again and again: what one plugin does about a fact may be a fact for another.
        while busy := [plugin for plugin in self._registry.plugins if len(plugin.queue)]:
            await busy[0].queue.drained()

    def health(self) -> dict[str, Any]:
        """See `Hooks.health`."""
        plugins = {plugin.name: self._health_of(plugin) for plugin in self._registry.plugins}
        return {"ok": all(each["ok"] for each in plugins.values()), "plugins": plugins}

    async def _start_all(self) -> None:
        plugins = [plugin for plugin in self._registry.plugins if plugin.enabled]
        tried = [self.start(plugin) for plugin in plugins]
        with trio.move_on_after(START_LIMIT):
            for each in tried:
                await each.wait()
        for plugin in plugins:
            if plugin.state is State.STARTING:
                plugin.state = State.DOWN
                _log.warning(
                    "plugin %s: its lifespan is not open after %g s; going on without it", plugin.name, START_LIMIT
                )

    async def _run(self, plugin: Plugin, tried: trio.Event) -> None:
        """One plugin, for as long as it is enabled."""

        def failed(error: Exception) -> None:
            plugin.failed("plugin_lifespan", error)

        lifespan = self._of("plugin_lifespan", plugin)
        plugin.scope = scope = trio.CancelScope()
        # The task was perhaps started by another plugin's action: this one's life is its own.
        with contained(failed), acting_as((plugin.name,)), scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep, plugin, "observers", partial(observe, plugin))
                for name, job in self._jobs:
                    if name == plugin.name:
                        nursery.start_soon(keep, plugin, f"job {job.name}", partial(repeat, plugin, job))
                if lifespan is None:
                    tried.set()
                else:
                    nursery.start_soon(keep_open, lifespan, tried)
        if plugin.scope is scope:
            plugin.scope = None
        tried.set()

    def _of(self, hook: str, plugin: Plugin) -> Implementation | None:
        return next((each for each in self._registry.implementations(hook) if each.plugin is plugin), None)

    async def _drain(self) -> None:
        with trio.move_on_after(DRAIN_LIMIT) as scope:
            await self.settled()
        if scope.cancelled_caught:
            left = sum(len(plugin.queue) for plugin in self._registry.plugins)
            _log.warning("plugins had not handled %d facts when the chat was closed", left)

    def _health_of(self, plugin: Plugin) -> dict[str, Any]:
        info = plugin.info()
        own = self._own_health(plugin)
        return {
            "ok": plugin.state in (State.RUNNING, State.DISABLED) and bool(own.get("ok", True)),
            "state": info.state.value,
            "calls": info.calls,
            "failures": info.failures,
            "timeouts": info.timeouts,
            "restarts": info.restarts,
            "queued": info.queued,
            "dropped": info.dropped,
            "lag": round(info.lag, 3),
            "blocks": info.blocks,
            "longestBlock": round(info.longest_block, 3),
            **({"guardsOff": list(info.guards)} if info.guards and info.state is State.DISABLED else {}),
            **({"details": own} if own else {}),
        }

    def _own_health(self, plugin: Plugin) -> dict[str, Any]:
        """What a plugin says of itself. One that cannot say is not well."""
        each = self._of("plugin_health", plugin)
        own: dict[str, Any] = {"ok": False}

        def failed(error: Exception) -> None:
            plugin.failed("plugin_health", error)

        with contained(failed):
            own = {} if each is None else dict(each.call({}, ()))
        return own
