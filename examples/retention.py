"""Deletes messages that are older than a number of days: `chatcore serve --plugin examples/retention.py`.

It acts as an account of your choice, an admin, and sweeps the channels that this account is in: invite it to a channel,
and the channel begins to forget. A root goes with its thread, as when somebody deletes it by hand.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from chatcore.hooks import HookContext, Job, PluginConfig, hookimpl
from chatcore.ids import ChannelId
from chatcore.model import Message, User

HOUR = 3600.0
PAGE = 100


class Config(PluginConfig):
    """`[plugin.retention]` in chat.toml."""

    account: str
    """The e-mail of the account that deletes."""
    days: int = 365


@hookimpl
def register_jobs(ctx: HookContext) -> Iterable[Job]:
    """Look every hour."""
    ctx.config(Config)  # a mistake in the settings stops the start, not the first run
    return [Job(name="retention", every=HOUR, run=lambda: sweep(ctx))]


async def sweep(ctx: HookContext) -> None:
    """Delete what is too old in every channel of the account."""
    config = ctx.config(Config)
    before = ctx.chat.clock.now() - timedelta(days=config.days)
    account = await ctx.chat.users.by_email(config.account)
    for summary in await ctx.chat.workspaces.list(actor=account):
        for each in await ctx.chat.channels.list(summary.workspace, actor=account):
            if each.joined and each.channel.archived_at is None:
                count = await _sweep(ctx, account, each.channel.id, before)
                if count:
                    ctx.log.info("old messages deleted", extra={"channel": each.channel.id, "count": count})


async def _sweep(ctx: HookContext, account: User, channel_id: ChannelId, before: datetime) -> int:
    """How many top-level messages of a channel were deleted."""
    count = 0
    while old := [*takewhile(lambda message: message.created_at < before, await _oldest(ctx, account, channel_id))]:
        for message in old:
            await ctx.chat.messages.delete(message, actor=account)
        await ctx.shelf.put(f"swept:{channel_id}", old[-1].id)
        count += len(old)
    return count


async def _oldest(ctx: HookContext, account: User, channel_id: ChannelId) -> list[Message]:
    """A page of the oldest messages. The last one that was deleted is still a good cursor: they follow it."""
    history = ctx.chat.messages.history
    swept = await ctx.shelf.get(f"swept:{channel_id}")
    if swept is not None:
        return [*(await history(channel_id, actor=account, after=swept, limit=PAGE)).messages]
    page = await history(channel_id, actor=account, limit=PAGE)
    while page.has_more:
        page = await history(channel_id, actor=account, before=page.next_cursor, limit=PAGE)
    return [*reversed(page.messages)]
