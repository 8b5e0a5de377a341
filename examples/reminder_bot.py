"""A bot that reminds people. What it has promised survives its restarts."""

from datetime import datetime, timedelta

from chatcore.bot import Bot, BotError, Context

bot = Bot("reminder", about="I remind you.")


@bot.command()
async def remind(ctx: Context, after: timedelta, *, what: str) -> None:
    """Remind me: `!remind 1h30m call Ada`."""
    if not timedelta(seconds=1) <= after <= timedelta(days=365):
        raise BotError("A second to a year, please.")
    # By the message that asks for it: should this run twice, it is one reminder all the same.
    message = ctx.message
    due = message.created_at + after
    await ctx.shelf.put(
        f"due.{due.isoformat()}.{message.id}",
        {"workspace": ctx.place.id, "channel": message.channel_id, "user": message.user_id, "what": what},
    )
    await ctx.reply(f"I will remind you at {due:%H:%M} UTC.")


@bot.every("5s")
async def look(ctx: Context) -> None:
    async for key, promise in ctx.shelf.scan("due."):
        due = key.removeprefix("due.").rpartition(".")[0]
        if datetime.fromisoformat(due) <= ctx.now() and promise["workspace"] == ctx.place.id:
            await ctx.send(f"<@{promise['user']}> {promise['what']}", channel=promise["channel"])
            await ctx.shelf.delete(key)


if __name__ == "__main__":
    bot.run()
