"""Hooks: what plugins may do, and the only code that calls them. The reference is docs/reference/hooks.md.

markers     hookimpl, hookspec
specs/      every hook: signature, options, description
loading     finds plugins; registry checks them; settings reads what `[plugin.NAME]` says
caller      Hooks: what services call. filters, observers and around do the calling of their kind
lifespan    supervision keeps what plugins run
providers   which implementation of a port is chosen
"""

from chatcore.hooks.caller import Hooks
from chatcore.hooks.context import HookContext
from chatcore.hooks.jobs import Job
from chatcore.hooks.markers import Kind, hookimpl, hookspec
from chatcore.hooks.plugin import PluginInfo, State
from chatcore.hooks.reject import Reject
from chatcore.hooks.settings import PluginConfig

__all__ = [
    "HookContext",
    "Hooks",
    "Job",
    "Kind",
    "PluginConfig",
    "PluginInfo",
    "Reject",
    "State",
    "hookimpl",
    "hookspec",
]
