"""One plugin of one chat: who it is, how it is, and its settings."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs
import trio

from chatcore.hooks.observers import ObserverQueue
from chatcore.hooks.settings import PluginConfig, read_settings

_log = logging.getLogger("chatcore.hooks")

BLOCK_SECONDS = 0.1
"""A plugin that runs as long without awaiting anything blocks the loop."""


class State(StrEnum):
    """Whether a plugin is there."""

    STARTING = "starting"
    """Its lifespan is not open yet."""
    RUNNING = "running"
    DOWN = "down"
    """Its lifespan crashed, and waits to be started again."""
    DISABLED = "disabled"
    """Switched off while running."""


@attrs.frozen(kw_only=True)
class PluginInfo:
    """What an operator is shown.

    lag: the age in seconds of the oldest fact that its observers have not handled. seconds: for how long it kept the
    loop, all calls together. blocks: how often it kept it for longer than BLOCK_SECONDS, the longest time beside it.
    guards: the hooks that it guards, and does not guard while it is disabled. timeouts count among the failures.
    """

    name: str
    version: str
    state: State
    hooks: tuple[str, ...]
    calls: int
    failures: int
    timeouts: int
    restarts: int
    queued: int
    dropped: int
    lag: float
    seconds: float
    blocks: int
    longest_block: float
    guards: tuple[str, ...]


@attrs.define(eq=False, kw_only=True)
class Plugin:
    """The record of a plugin. `part` is the module or object that holds its hook implementations."""

    name: str
    part: Any
    version: str = ""
    position: int = 0
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    state: State = State.RUNNING
    calls: int = 0
    failures: int = 0
    timeouts: int = 0
    restarts: int = 0
    seconds: float = 0.0
    blocks: int = 0
    longest_block: float = 0.0
    scope: trio.CancelScope | None = None
    queue: ObserverQueue = attrs.field(init=False)
    log: logging.Logger = attrs.field(init=False)
    hooks: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    kept: dict[type[Any], Any] = attrs.field(factory=dict)
    """What `HookContext.once` made."""
    _configs: dict[type[PluginConfig], PluginConfig] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.queue = ObserverQueue(self.name)
        self.log = logging.getLogger(f"chatcore.plugin.{self.name}")

    @property
    def enabled(self) -> bool:
        return self.state is not State.DISABLED

    def config(self, cls: type[PluginConfig]) -> PluginConfig:
        """The settings as a value of `cls`. Raises ConfigError."""
        found = self._configs.get(cls)
        if found is None:
            found = self._configs[cls] = read_settings(cls, self.settings, self.name)
        return found

    def failed(self, hook: str, error: BaseException) -> None:
        """Count and log that the plugin failed in a hook, and that the chat goes on without it."""
        self.failures += 1
        _log.error("plugin %s failed in %s", self.name, hook, exc_info=error)

    def misbehaved(self, hook: str, what: str) -> None:
        """Count and log something wrong that was no exception."""
        self.failures += 1
        _log.error("plugin %s, %s: %s", self.name, hook, what)

    def late(self, hook: str, what: str) -> None:
        """Count and log that the plugin did not answer in time."""
        self.timeouts += 1
        self.misbehaved(hook, what)

    def stepped(self, hook: str, seconds: float) -> None:
        """The plugin kept the loop for so long. Too long is counted and logged: everybody waited for it."""
        self.seconds += seconds
        if seconds >= BLOCK_SECONDS:
            self.blocks += 1
            self.longest_block = max(self.longest_block, seconds)
            _log.error("plugin %s, %s: blocked the loop, and everybody with it, for %.2f s", self.name, hook, seconds)

    def info(self) -> PluginInfo:
        """A snapshot for people."""
        return PluginInfo(
            name=self.name,
            version=self.version,
            state=self.state,
            hooks=self.hooks,
            calls=self.calls,
            failures=self.failures,
            timeouts=self.timeouts,
            restarts=self.restarts,
            queued=len(self.queue),
            dropped=self.queue.dropped,
            lag=self.queue.lag,
            seconds=self.seconds,
            blocks=self.blocks,
            longest_block=self.longest_block,
            guards=self.guards,
        )
