"""What a plugin contributes."""

from collections.abc import Iterable
from typing import Any

from chatcore.hooks.context import HookContext
from chatcore.hooks.jobs import Job
from chatcore.hooks.markers import Kind, hookspec
from chatcore.ports.provider import Provider


@hookspec(kind=Kind.REGISTER)
def register_providers(ctx: HookContext) -> Iterable[Provider]:
    """Implementations of ports: storage, bus, presence, auth, token.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_hookspecs(ctx: HookContext) -> Iterable[Any]:
    """Hooks of the plugin's own, for other plugins: modules or classes with functions marked by `hookspec`.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_jobs(ctx: HookContext) -> Iterable[Job]:
    """Work to be done again and again while the chat is open.

    ctx: the plugin's context.
    """
    raise NotImplementedError
