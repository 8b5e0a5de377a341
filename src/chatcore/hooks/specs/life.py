"""The plugin's own life, and its settings."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from chatcore.config import Config
from chatcore.hooks.context import HookContext
from chatcore.hooks.markers import Kind, hookspec

_SETTINGS = (
    "database_url",
    "database_pool_size",
    "redis_url",
    "secret",
    "secret_file",
    "turn_server_url",
    "turn_secret",
    "stun_server_url",
)


@hookspec(kind=Kind.FILTER, value="config", changes=_SETTINGS, vital=True)
async def config_will_load(ctx: HookContext, config: Config) -> Config | None:
    """The configuration was read, and nothing is open yet: to fetch addresses and secrets from elsewhere (a vault).

    A failure refuses the start. `ctx.chat` does not exist yet.

    ctx: the plugin's context.
    config: the settings; addresses and secrets may be changed.
    """


@hookspec(kind=Kind.LIFE)
def plugin_lifespan(ctx: HookContext, chat: Any) -> AbstractAsyncContextManager[None]:
    """An async context manager that is open while the chat is: for connections, and for tasks in a nursery of its own.

    When it crashes, this is logged, shown in health, and it is started again after a delay that grows from 1 s to 60 s;
    nothing else is touched. While it is down the plugin's guards refuse.

    ctx: the plugin's context.
    chat: the chat, open for use.
    """
    raise NotImplementedError


@hookspec(kind=Kind.LIFE)
def plugin_health(ctx: HookContext) -> Mapping[str, Any]:
    """How the plugin is, for readiness: `{"ok": bool, ...}`. A plain function that answers at once.

    ctx: the plugin's context.
    """
    raise NotImplementedError
