"""One hook implementation of one plugin, compiled: called with the arguments that it takes and nothing else."""

import inspect
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import attrs

from chatcore.hooks.context import ChatSlot, HookContext
from chatcore.hooks.markers import PHASES, ImplOptions
from chatcore.hooks.origin import Origin
from chatcore.hooks.plugin import Plugin
from chatcore.hooks.timing import Timed


@attrs.frozen(eq=False, kw_only=True)
class Implementation:
    """`arguments` are the names that the function takes, `ctx` among them or not."""

    hook: str
    plugin: Plugin
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    options: ImplOptions
    slot: ChatSlot
    is_async: bool = attrs.field(init=False)

    @is_async.default
    def _looks_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @property
    def order(self) -> tuple[int, int, str]:
        """Phase, then the order in the configuration, then the name."""
        return PHASES.index(self.options.phase), self.plugin.position, self.plugin.name

    def call(self, context: Mapping[str, Any], origin: Origin) -> Any:
        """Call the function; what it returns may have to be awaited."""
        given = {}
        for name in self.arguments:
            if name == "ctx":
                given["ctx"] = HookContext(self.plugin, self.slot, origin[-1] if origin else None)
            else:
                given[name] = context[name]
        return self.function(**given)

    async def result(self, context: Mapping[str, Any], origin: Origin) -> Any:
        """Call the function, and await it when it is asynchronous."""
        plugin = self.plugin
        plugin.calls += 1
        began = perf_counter()
        answer = self.call(context, origin)
        # A plain function may still hand out a coroutine: a decorator does, that hides the async one under it.
        if self.is_async or inspect.isawaitable(answer):
            return await Timed(answer, self.hook, plugin.stepped)
        plugin.stepped(self.hook, perf_counter() - began)
        return answer


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's arguments. Raises ValueError when it takes any number of them."""
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ValueError(f"takes {parameter}, but hook arguments are passed by name")
        names.append(parameter.name)
    return tuple(names)
