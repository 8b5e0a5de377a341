"""The smallest bot: `python examples/dice_bot.py --shell`, or on a server with CHATCORE_URL and CHATCORE_TOKEN."""

import random

from chatcore.bot import Bot, Context

bot = Bot("dice", about="I roll dice.")


@bot.command(aliases=["r"])
async def roll(ctx: Context, sides: int = 6, *, reason: str = "") -> None:
    """Roll a die."""
    if sides < 2:
        await ctx.reply("A die has at least two sides.")
        return
    await ctx.reply(f"{random.randint(1, sides)} of {sides}" + (f" for {reason}" if reason else ""))


if __name__ == "__main__":
    bot.run()
