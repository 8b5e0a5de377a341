"""Outgoing webhooks: events of a workspace, signed, POSTed to addresses that its admins choose.

    managing    endpoints for admins            operating   commands for operators
    book        what is kept                    dispatch    which node delivers, and a courier for each webhook
    courier     reads events, empties the queue sender      one signed attempt        outbound    never to the inside

It is built on public hooks only, and does nothing until the configuration names it: `plugins = ["chat_webhooks_out"]`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from chat_webhooks_out.courier import Patience, Tally
from chat_webhooks_out.dispatch import Dispatch
from chat_webhooks_out.managing import Managing
from chat_webhooks_out.operating import commands
from chat_webhooks_out.outbound import Outbound
from chat_webhooks_out.sender import Sender, pool_of
from chatcore.errors import ConfigError
from chatcore.hooks import CliCommand, HookContext, Metric, PluginConfig, PluginRoute, hookimpl

__all__ = ["Config"]


class Config(PluginConfig):
    """`[plugin.chat_webhooks_out]` in chat.toml."""

    allowed_networks: tuple[str, ...] = ()
    """Networks inside (`10.1.0.0/16`) that webhooks may reach all the same."""
    attempts: int = 16
    """How often a delivery is tried: with the delays between, some five hours."""
    first_delay: float = 1.0
    """Seconds before the second attempt; doubled each time, to an hour at most."""
    timeout: float = 10.0
    """Seconds for one attempt."""


@hookimpl
def register_routes(ctx: HookContext) -> Sequence[PluginRoute]:
    """`/api/plugins/chat_webhooks_out/hooks`."""
    return Managing(_outbound(ctx)).routes()


@hookimpl
def register_cli() -> Sequence[CliCommand]:
    """`list`, `dead` and `retry`."""
    return commands()


@hookimpl
def register_metrics(ctx: HookContext) -> Sequence[Metric]:
    """What became of the attempts of this node."""
    tally = ctx.once(Tally, Tally)
    about = "Attempts to deliver, by how they ended."
    return [Metric(name="attempts", about=about, label="outcome", read=lambda: attrs.asdict(tally))]


@hookimpl
@asynccontextmanager
async def plugin_lifespan(ctx: HookContext, chat: Any) -> AsyncIterator[None]:
    """Deliver, while the chat is open."""
    config = ctx.config(Config)
    patience = Patience(attempts=config.attempts, first_delay=config.first_delay)
    async with pool_of(_outbound(ctx)) as pool, trio.open_nursery() as nursery:
        dispatch = Dispatch(chat, Sender(pool, config.timeout), patience, ctx.once(Tally, Tally))
        nursery.start_soon(dispatch.run)
        yield
        nursery.cancel_scope.cancel()


def _outbound(ctx: HookContext) -> Outbound:
    try:
        return Outbound(ctx.config(Config).allowed_networks)
    except ValueError as error:
        raise ConfigError(f"plugin.{ctx.plugin}.allowed_networks: {error}") from error
