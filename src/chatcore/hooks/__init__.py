"""Hooks: what plugins may do, and the only code that calls them. The reference is docs/reference/hooks.md.

markers     hookimpl, hookspec
specs/      every hook: signature, options, description
loading     finds plugins; registry checks them; settings reads what `[plugin.NAME]` says
caller      Hooks: what services call. filters, observers and around do the calling of their kind
lifespan    supervision keeps what plugins run; timing sees who blocks the loop
running     one piece of a plugin's own work: a route, a slash command
routes      commands, cli, metrics, jobs: what plugins contribute, as data
providers   which implementation of a port is chosen
"""

from chatcore.hooks.caller import Hooks
from chatcore.hooks.cli import CliCommand, CliOption
from chatcore.hooks.commands import Invocation, SlashCommand
from chatcore.hooks.context import HookContext
from chatcore.hooks.jobs import Job
from chatcore.hooks.markers import Kind, hookimpl, hookspec
from chatcore.hooks.metrics import Metric
from chatcore.hooks.plugin import PluginInfo, State
from chatcore.hooks.reject import Reject
from chatcore.hooks.routes import PluginRoute, Raw, RouteCall
from chatcore.hooks.settings import PluginConfig

__all__ = [
    "CliCommand",
    "CliOption",
    "HookContext",
    "Hooks",
    "Invocation",
    "Job",
    "Kind",
    "Metric",
    "PluginConfig",
    "PluginInfo",
    "PluginRoute",
    "Raw",
    "Reject",
    "RouteCall",
    "SlashCommand",
    "State",
    "hookimpl",
    "hookspec",
]
