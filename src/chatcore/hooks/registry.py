"""What is registered: the plugins of one chat, checked against the hooks that exist. Pluggy does the book-keeping."""

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pluggy

from chatcore.errors import ConfigError
from chatcore.hooks.context import ChatSlot
from chatcore.hooks.implementation import Implementation, parameters
from chatcore.hooks.markers import PROJECT, Kind, SpecOptions, impl_options, spec_options
from chatcore.hooks.plugin import Plugin
from chatcore.hooks.specs import SUBJECTS

_log = logging.getLogger("chatcore.hooks")


class Registry:
    """Hooks and their implementations. A misspelt hook, a wrong argument or a wrong shape raises ConfigError here."""

    def __init__(self, slot: ChatSlot) -> None:
        self._slot = slot
        self._manager = _Manager(PROJECT)
        self._found: dict[str, list[Implementation]] = {}
        self._pending: list[tuple[Plugin, pluggy.HookCaller, pluggy.HookImpl]] = []
        self.plugins: list[Plugin] = []
        self.specs: dict[str, SpecOptions] = {}
        for subject in SUBJECTS:
            self.add_specs(subject)

    def add_specs(self, namespace: Any) -> None:
        """Take up the hooks of a module or class. Raises ConfigError when there is none, or one has another's name."""
        for name in dir(namespace):
            options = spec_options(getattr(namespace, name))
            if options is not None:
                if name in self.specs:
                    raise ConfigError(f"there are two hooks named {name!r}; the one of {namespace!r} must be renamed")
                self.specs[name] = options
        try:
            self._manager.add_hookspecs(namespace)
        except (ValueError, pluggy.PluginValidationError) as error:
            raise ConfigError(_one_line(error)) from error

    def add(self, plugin: Plugin) -> None:
        """Register a plugin; `check` comes when all are there. Raises ConfigError."""
        for name in self.specs:
            self._check_arguments(plugin, name)
        try:
            self._manager.register(plugin.part, plugin.name)
        except (ValueError, pluggy.PluginValidationError) as error:
            raise ConfigError(f"plugin {plugin.name}: {_one_line(error)}") from error
        self.plugins.append(plugin)
        callers = self._manager.get_hookcallers(plugin.part) or []
        plugin.hooks = tuple(sorted(caller.name for caller in callers))
        for caller in callers:
            self._pending += [(plugin, caller, each) for each in caller.get_hookimpls() if each.plugin is plugin.part]

    def resolve(self) -> None:
        """Check and sort the implementations of the hooks that are known by now. Raises ConfigError."""
        for plugin, caller, each in self._pending:
            if caller.name in self.specs:
                compiled = self._compile(plugin, caller, each.function)
                self._found.setdefault(caller.name, []).append(compiled)
                if compiled.options.guard:
                    plugin.guards = (*plugin.guards, caller.name)
        self._pending = [each for each in self._pending if each[1].name not in self.specs]
        for found in self._found.values():
            found.sort(key=lambda each: each.order)

    def check(self) -> None:
        """Nothing may be left that implements no hook. Raises ConfigError naming plugin and hook."""
        self.resolve()
        for plugin, caller, _ in self._pending:
            close = difflib.get_close_matches(caller.name, self.specs, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"plugin {plugin.name}: there is no hook {caller.name!r}{hint}")
        self._manager.check_pending()
        for plugin in self.plugins:
            self._warn_of_unmarked(plugin)

    def implementations(self, hook: str) -> list[Implementation]:
        """The implementations of enabled plugins, in the order in which they are called."""
        return [each for each in self._found.get(hook, ()) if each.plugin.enabled]

    def of_kind(self, *kinds: Kind) -> Iterable[str]:
        """The names of the hooks of these kinds."""
        return (name for name, spec in self.specs.items() if spec.kind in kinds)

    def _compile(self, plugin: Plugin, caller: pluggy.HookCaller, function: Callable[..., Any]) -> Implementation:
        hook, spec = caller.name, self.specs[caller.name]
        where = f"plugin {plugin.name}, hook {hook}"
        assert caller.spec is not None
        try:
            taken = parameters(function)
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
        _known(where, taken, caller.spec.argnames)
        _check_shape(where, hook, spec, function)
        options = impl_options(function)
        if options.guard and spec.kind is not Kind.FILTER:
            raise ConfigError(f"{where}: only a filter can be a guard")
        return Implementation(
            hook=hook, plugin=plugin, function=function, arguments=taken, options=options, slot=self._slot
        )

    def _check_arguments(self, plugin: Plugin, hook: str) -> None:
        """Before pluggy does, which says it in words that are about pluggy. Raises ConfigError."""
        function = getattr(plugin.part, hook, None) if _may_be_marked(plugin.part, hook) else None
        caller = getattr(self._manager.hook, hook)
        if inspect.isroutine(function) and self._manager.parse_hookimpl_opts(plugin.part, hook) and caller.spec:
            where = f"plugin {plugin.name}, hook {hook}"
            try:
                _known(where, parameters(function), caller.spec.argnames)
            except ValueError as error:
                raise ConfigError(f"{where}: {error}") from None

    def _warn_of_unmarked(self, plugin: Plugin) -> None:
        for name in self.specs:
            if name not in plugin.hooks and inspect.isroutine(getattr(plugin.part, name, None)):
                _log.warning("plugin %s: %s is named like a hook, but is not marked with @hookimpl", plugin.name, name)


class _Manager(pluggy.PluginManager):
    """Looks closer only at what may carry a mark: pluggy asks every name of a module how it is stored, and each of the
    hooks and plugins of ours is a module with more imports than hooks: a third of what opening a chat took."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        return super().parse_hookimpl_opts(plugin, name) if _may_be_marked(plugin, name) else None

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        return super().parse_hookspec_opts(module_or_class, name) if _may_be_marked(module_or_class, name) else None


def _may_be_marked(part: Any, name: str) -> bool:
    """Whether it is no module, or has a function of this name: marks are on functions."""
    return not isinstance(part, ModuleType) or isinstance(vars(part).get(name), FunctionType | MethodType)


def _known(where: str, taken: Iterable[str], names: Sequence[str]) -> None:
    """Raises ConfigError for an argument that a hook does not have."""
    for name in taken:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]!r}? It" if close else "it"
            raise ConfigError(f"{where}: there is no argument {name!r}; {hint} has {', '.join(names)}")


def _check_shape(where: str, hook: str, spec: SpecOptions, function: Callable[..., Any]) -> None:
    """Raises ConfigError when a function cannot be what its hook needs."""
    is_async = inspect.iscoroutinefunction(function)
    is_generator = inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function)
    wraps = spec.kind is Kind.AROUND or hook == "plugin_lifespan"
    if wraps and (is_async or is_generator):
        raise ConfigError(f"{where}: must be an async context manager; put @asynccontextmanager under @hookimpl")
    if not wraps and is_generator:
        raise ConfigError(f"{where}: must not be a generator")
    if is_async and (spec.kind is Kind.REGISTER or hook == "plugin_health"):
        raise ConfigError(f"{where}: must be a plain function, not an async one")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
