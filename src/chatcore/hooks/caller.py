"""The hooks of one chat: the only way in which the core calls plugins."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import trio

from chatcore.config import Config
from chatcore.errors import ConfigError, Rejected
from chatcore.hooks.around import NOTHING, around_all
from chatcore.hooks.cli import CliCommand
from chatcore.hooks.commands import SlashCommand
from chatcore.hooks.context import ChatSlot
from chatcore.hooks.filters import FilterChain
from chatcore.hooks.implementation import Implementation
from chatcore.hooks.loading import installed, load_all
from chatcore.hooks.markers import Kind
from chatcore.hooks.metrics import Metric
from chatcore.hooks.observers import Fact
from chatcore.hooks.origin import current_origin
from chatcore.hooks.plugin import Plugin, PluginInfo, State
from chatcore.hooks.providers import check_names
from chatcore.hooks.registry import Registry
from chatcore.hooks.routes import PluginRoute
from chatcore.hooks.running import run_for
from chatcore.hooks.settings import check_settings
from chatcore.hooks.supervision import Supervision
from chatcore.ports.plugin_data import PluginMigration, check_steps
from chatcore.ports.provider import Provider

V = TypeVar("V")

_log = logging.getLogger("chatcore.hooks")


class Hooks:
    """Loads, checks, orders and calls the plugins of one chat.

    config: names further plugins (`plugins`) and holds their settings. plugins: modules or objects with hook
    implementations, for a program that embeds the chat. use_installed: also load every installed plugin. strict: False
    leaves settings of plugins that are not here alone, for a program that only looks in: a server may have them.
    Raises ConfigError: what is wrong with which plugin, in one line.
    """

    def __init__(
        self, config: Config, plugins: Iterable[Any] = (), *, use_installed: bool = True, strict: bool = True
    ) -> None:
        self._slot = ChatSlot()
        self._registry = Registry(self._slot)
        self._limit = config.hook_deadline_ms / 1000
        self._filters: dict[str, FilterChain] = {}
        self._watchers: dict[str, tuple[Implementation, ...]] = {}
        """Of observers and of wrappers."""
        self._load(config, plugins, use_installed, strict)
        self._supervision = Supervision(self._registry, self.collect("register_jobs"))
        self._commands = self._collect_commands()
        self._compile()

    # --- what services call ------------------------------------------------------------------------------------------

    async def filter(self, hook: str, value: V = None, **context: Any) -> V:  # type: ignore[assignment]
        """The value after every filter, once every guard has let it pass. Raises Rejected."""
        chain = self._filters[hook]
        if not chain:
            return value
        filtered: V = await chain.run(value, context)
        return filtered

    def did(self, hook: str, **context: Any) -> None:
        """Tell the observers of a fact. Never blocks, never raises on their account."""
        watchers = self._watchers[hook]
        if not watchers:
            return
        origin, now = current_origin(), trio.current_time()
        for each in watchers:
            if each.plugin.name not in origin:
                each.plugin.queue.put(Fact(each, context, origin, now))

    def around(self, hook: str, **context: Any) -> AbstractAsyncContextManager[None]:
        """The wrappers of an operation, to be held open around it. Entering raises Rejected."""
        wrappers = self._watchers[hook]
        return around_all(wrappers, context, self._limit) if wrappers else NOTHING

    def has(self, hook: str) -> bool:
        """Whether anybody listens, for a caller that would have to prepare what it passes."""
        chain = self._filters.get(hook)
        return bool(self._watchers[hook] if chain is None else chain)

    async def run(self, plugin: str, what: str, work: Callable[[], Awaitable[V]]) -> V:
        """One piece of a plugin's own work, contained: see `run_for`. Raises ConfigError for no such plugin."""
        return await run_for(self._plugin(plugin), what, work, self._limit)

    def command(self, name: str) -> tuple[str, SlashCommand] | None:
        """The slash command of this name, and its plugin."""
        plugin, command = self._commands.get(name, (None, None))
        return None if plugin is None or command is None or not plugin.enabled else (plugin.name, command)

    def commands(self) -> list[tuple[str, SlashCommand]]:
        """The slash commands of enabled plugins, by name."""
        return [(plugin.name, each) for _, (plugin, each) in sorted(self._commands.items()) if plugin.enabled]

    # --- what the start calls ----------------------------------------------------------------------------------------

    async def configure(self, config: Config) -> Config:
        """The configuration after the plugins that fetch settings from elsewhere. Raises ConfigError."""
        try:
            return await self.filter("config_will_load", value=config)
        except Rejected as refusal:
            raise ConfigError(f"plugin {refusal.details['plugin']}: {refusal.message}") from refusal

    def collect(self, hook: str) -> list[tuple[str, Any]]:
        """What each plugin contributes, with the plugin's name. Raises ConfigError naming the plugin that failed."""
        found = []
        for each in self._registry.implementations(hook):
            try:
                parts = each.call({}, ())
                found += [(each.plugin.name, part) for part in parts or ()]
            except Exception as error:
                problem = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
                raise ConfigError(f"plugin {each.plugin.name}, {hook}: {problem}") from error
        return found

    def providers(self) -> list[Provider]:
        """The providers of every plugin. Raises ConfigError when two have one name."""
        provided = self.collect("register_providers")
        check_names(provided)
        return [provider for _, provider in provided]

    def plugin_tables(self) -> dict[str, list[PluginMigration]]:
        """The steps of the plugins' own tables, by plugin. Raises ConfigError when they are not numbered well."""
        found: dict[str, list[PluginMigration]] = {}
        for plugin, step in self.collect("register_migrations"):
            found.setdefault(plugin, []).append(step)
        for plugin, steps in found.items():
            check_steps(plugin, steps)
        return found

    def routes(self) -> list[tuple[str, PluginRoute]]:
        """The endpoints of plugins, for a server. Raises ConfigError."""
        return self.collect("register_routes")

    def metrics(self) -> list[tuple[str, Metric]]:
        """The figures of plugins, for a server. Raises ConfigError."""
        return self.collect("register_metrics")

    def cli(self) -> list[tuple[str, CliCommand]]:
        """The commands of plugins for the command line. Raises ConfigError."""
        return self.collect("register_cli")

    @asynccontextmanager
    async def running(self, chat: Any, *, jobs: bool = True) -> AsyncIterator[None]:
        """While this is open, observers are told, and lifespans and jobs run. On leaving, observers catch up first.

        Without `jobs` these are left out.
        """
        self._slot.chat = chat
        try:
            async with self._supervision.running(jobs=jobs):
                yield
        finally:
            self._slot.chat = None

    async def settled(self) -> None:
        """Wait until the observers of every plugin have handled what they were told: for tests."""
        await self._supervision.settled()

    # --- what operators ask ------------------------------------------------------------------------------------------

    def plugins(self) -> list[PluginInfo]:
        """Every plugin, in the order of the configuration."""
        return [plugin.info() for plugin in self._registry.plugins]

    def health(self) -> dict[str, Any]:
        """`ok`, and for each plugin its state, failures, lag and what it says of itself. Never raises."""
        return self._supervision.health()

    def disable(self, name: str) -> None:
        """Switch a plugin off: its hooks are not called any more, its lifespan and jobs are cancelled.

        Raises ConfigError when there is no such plugin.
        """
        plugin = self._plugin(name)
        if not plugin.enabled:
            return
        plugin.state = State.DISABLED
        if plugin.guards:
            _log.warning(
                "plugin %s is disabled: NOBODY GUARDS %s until it is enabled again", name, ", ".join(plugin.guards)
            )
        self._supervision.stop(plugin)
        self._compile()

    def enable(self, name: str) -> None:
        """Switch a plugin on again. Raises ConfigError when there is no such plugin."""
        plugin = self._plugin(name)
        if not plugin.enabled:
            plugin.state = State.STARTING
            self._supervision.start(plugin)
            self._compile()

    def _plugin(self, name: str) -> Plugin:
        for plugin in self._registry.plugins:
            if plugin.name == name:
                return plugin
        raise ConfigError(f"there is no plugin {name!r}")

    # --- building ----------------------------------------------------------------------------------------------------

    def _load(self, config: Config, given: Iterable[Any], use_installed: bool, strict: bool) -> None:
        tables = config.plugin_settings
        disabled = frozenset(name for name, table in tables.items() if table.get("enabled") is False)
        points = installed() if use_installed else {}
        for position, found in enumerate(load_all(config.plugins, given, points, disabled)):
            plugin = Plugin(
                name=found.name,
                part=found.part,
                version=found.version,
                position=position,
                settings=tables.get(found.name, {}),
            )
            self._registry.add(plugin)
        check_settings(self._registry.plugins, tables, disabled, strict=strict)
        self._add_own_hooks()
        self._registry.check()

    def _add_own_hooks(self) -> None:
        """Take up the hooks that plugins declare, before anything is checked against the hooks that exist."""
        self._registry.resolve()
        for _, namespace in self.collect("register_hookspecs"):
            self._registry.add_specs(namespace)

    def _collect_commands(self) -> dict[str, tuple[Plugin, SlashCommand]]:
        found: dict[str, tuple[Plugin, SlashCommand]] = {}
        for name, command in self.collect("register_slash_commands"):
            if command.name in found:
                other = found[command.name][0].name
                raise ConfigError(f"the plugins {other} and {name} both have the command /{command.name}")
            found[command.name] = (self._plugin(name), command)
        return found

    def _compile(self) -> None:
        registry = self._registry
        for name in registry.of_kind(Kind.FILTER):
            self._filters[name] = FilterChain(registry.specs[name], registry.implementations(name), self._limit)
        for name in registry.of_kind(Kind.OBSERVER, Kind.AROUND):
            self._watchers[name] = tuple(registry.implementations(name))
