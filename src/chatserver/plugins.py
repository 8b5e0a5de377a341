"""What plugins contribute to a server: endpoints below `/api/plugins/<name>`, and figures for `/metrics`."""

import functools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chatcore.errors import ConfigError
from chatcore.hooks import Hooks, Metric, PluginInfo, PluginRoute
from chatserver.meter import Meter
from chatserver.route import Auth, Route, route

log = logging.getLogger(__name__)

_PATH = re.compile(r"(/:?[A-Za-z0-9_-]+)*\Z")
_FIGURES: dict[str, tuple[str, Callable[[PluginInfo], float]]] = {
    "calls": ("Calls of the plugin so far.", lambda info: info.calls),
    "failures": ("Failures of the plugin so far, timeouts among them.", lambda info: info.failures),
    "timeouts": ("Answers of the plugin that came too late, so far.", lambda info: info.timeouts),
    "seconds": ("Seconds for which the plugin kept the loop.", lambda info: info.seconds),
    "blocks": ("How often the plugin blocked the loop.", lambda info: info.blocks),
    "longest_block_seconds": ("The longest time for which it did.", lambda info: info.longest_block),
    "queued": ("Facts that wait for the plugin's observers.", lambda info: info.queued),
    "dropped": ("Facts that the plugin never saw, because its queue was full.", lambda info: info.dropped),
    "lag_seconds": ("Age of the oldest fact that waits.", lambda info: info.lag),
    "enabled": ("1, or 0 when it was switched off.", lambda info: info.state != "disabled"),
}


def plugin_routes(hooks: Hooks) -> tuple[Route, ...]:
    """The endpoints of every plugin. Raises ConfigError naming the plugin whose endpoint cannot be."""
    return tuple(_mounted(hooks, plugin, each) for plugin, each in hooks.routes())


def _mounted(hooks: Hooks, plugin: str, each: PluginRoute) -> Route:
    where = f"plugin {plugin}, register_routes: {each.method} {each.path}"
    if not _PATH.match(each.path):
        raise ConfigError(f"{where}: a path is like /things/:thingId")
    try:
        return route(
            each.method,
            f"/api/plugins/{plugin}{each.path}",
            _contained(hooks, plugin, each),
            status=each.status,
            auth=Auth.SIGNED_IN if each.signed_in else Auth.NOBODY,
            needs=each.needs if each.signed_in else None,
            rate=each.rate,
            errors=(*each.errors, 422, 503),
            media_type=each.media_type,
        )
    except (TypeError, NameError, KeyError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _contained(hooks: Hooks, plugin: str, each: PluginRoute) -> Callable[..., Awaitable[Any]]:
    """The handler under the plugin's name, whatever it does. Its signature is the handler's own."""
    handler = each.handler
    what = f"{each.method} {each.path}"

    @functools.wraps(handler)
    async def answer(call: Any, **arguments: Any) -> Any:
        return await hooks.run(plugin, what, lambda: handler(call, **arguments))

    # The name and the subject of the endpoint in the OpenAPI document.
    answer.__name__ = f"{plugin}_{getattr(handler, '__name__', 'call')}"
    answer.__module__ = f"plugins.{plugin}"
    return answer


def measure_plugins(meter: Meter, hooks: Hooks) -> None:
    """Show what is known of every plugin, and what each counts itself."""
    for name, (text, read) in _FIGURES.items():
        meter.table(f"chatcore_plugin_{name}", text, "plugin", functools.partial(_of_all, hooks, read))
    for plugin, metric in hooks.metrics():
        name = f"chatcore_plugin_{re.sub(r'[^a-z0-9_]', '_', plugin.lower())}_{metric.name}"
        meter.table(name, metric.about, metric.label or "plugin", functools.partial(_own, plugin, metric))


def _of_all(hooks: Hooks, read: Callable[[PluginInfo], float]) -> dict[str, float]:
    return {info.name: read(info) for info in hooks.plugins()}


def _own(plugin: str, metric: Metric) -> Mapping[str, float]:
    """A plugin's own figure; one that cannot be read is left out."""
    try:
        figure = metric.read()
        if isinstance(figure, Mapping):
            return {str(label): float(value) for label, value in figure.items()}
        return {plugin: float(figure)}
    except Exception:
        log.exception("plugin %s: its metric %s cannot be read", plugin, metric.name)
        return {}
