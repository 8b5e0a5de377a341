"""A bot that greets who enters the workspace, and shows them around when they answer."""

from chatcore.bot import Bot, Context
from chatcore.events import MemberJoined

bot = Bot("welcome", about="I greet newcomers.")


@bot.on("member_joined")
async def joined(ctx: Context) -> None:
    event = ctx.event
    # With a channel, somebody only entered that channel.
    if isinstance(event, MemberJoined) and event.channel is None and not event.member.is_bot:
        greeting = await ctx.shelf.get("greeting", "Welcome, {name}! Say `tour` to be shown around.")
        await ctx.direct(greeting.replace("{name}", event.member.display_name), to=event.member)


@bot.command()
async def tour(ctx: Context) -> None:
    """See which channels there are."""
    named = [it.channel for it in ctx.state.channels.values() if it.channel.type == "public"]
    lines = [f"#{channel.name}: {channel.description or 'no description yet'}" for channel in named]
    await ctx.reply("\n".join(sorted(lines)))


@bot.command(role="admin")
async def greeting(ctx: Context, *, text: str) -> None:
    """Change the greeting; {name} stands for the newcomer."""
    await ctx.shelf.put("greeting", text)
    await ctx.react("👍")


if __name__ == "__main__":
    bot.run()
