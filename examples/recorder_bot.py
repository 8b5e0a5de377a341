"""Writes down what is said in a huddle: `!record 30s`. Everybody in the huddle sees the bot in it.

Needs `pip install 'chatcore[voice]'`. The files go to the folder $RECORDINGS, by default this one.
"""

import os
import wave
from datetime import timedelta
from pathlib import Path

import trio

from chatcore.bot import Bot, Context

bot = Bot("recorder", about="I write down what is said.")
RATE = 48_000
LONGEST = timedelta(hours=1)


@bot.command()
async def record(ctx: Context, span: timedelta) -> None:
    """Record the loudest voice of the huddle in this channel for a while."""
    file = Path(os.environ.get("RECORDINGS", ".")) / f"{ctx.message.id}.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        async with bot.huddle(ctx.channel, slots=1) as call:
            await ctx.reply("I am listening.")
            with trio.move_on_after(min(span, LONGEST).total_seconds()):
                async for frame in call.listen():
                    out.writeframes(frame.samples)
    await ctx.reply(f"Written to {file.name}.")


if __name__ == "__main__":
    bot.run()
