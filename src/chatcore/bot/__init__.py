"""Bots: functions that answer what people type.

from chatcore.bot import Bot, Context

bot = Bot("dice")

@bot.command()
async def roll(ctx: Context, sides: int = 6) -> None:
    await ctx.reply(f"1..{sides}")

if __name__ == "__main__":
    bot.run()                      # CHATCORE_URL, CHATCORE_TOKEN; or --shell

bot         Bot: registers commands, listeners, schedules
context     Context: what a handler is given
command     a function's parameters as what somebody types; words, converters, durations, help
addressing  which messages are said to the bot, and as which command
runner      events in, handlers beside each other; dialogs, guard, progress, schedule
place       where a bot lives: short Protocols. network: on a server; journal: what it keeps there
living      every workspace that it is in
running     how it is started
"""

from chatcore.bot.bot import Bot
from chatcore.bot.context import Context
from chatcore.bot.errors import BadArgument, BotError, Cancelled, NoAnswer
from chatcore.bot.guard import Rate
from chatcore.bot.place import Home, Place, Shelf
from chatcore.model import Channel, MemberCard, Message

__all__ = [
    "BadArgument",
    "Bot",
    "BotError",
    "Cancelled",
    "Channel",
    "Context",
    "Home",
    "MemberCard",
    "Message",
    "NoAnswer",
    "Place",
    "Rate",
    "Shelf",
]
