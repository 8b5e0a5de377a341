"""Speaks in huddles: `!say The build is green.` The voice is espeak-ng's.

Needs `pip install 'chatcore[voice]'`, and `apt-get install espeak-ng` (or $ESPEAK, a program that takes the same
options).
"""

import os
import shutil
import tempfile
from pathlib import Path

import trio

from chatcore.bot import Bot, Context

bot = Bot("announcer", about="I say things aloud.")
SECONDS = 20.0
"""For espeak-ng, which needs less than one for a page."""


@bot.command()
async def say(ctx: Context, *, text: str) -> None:
    """Say something in the huddle of this channel."""
    program = os.environ.get("ESPEAK") or shutil.which("espeak-ng")
    if program is None:
        await ctx.reply("I have no voice: install espeak-ng where I run.")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.wav"
        with trio.fail_after(SECONDS):
            # By standard input: a text is never an option.
            await trio.run_process([program, "--stdin", "-w", str(file)], stdin=text.encode())
        async with bot.huddle(ctx.channel) as call:
            await call.play(file)
    await ctx.reply("Said.")


if __name__ == "__main__":
    bot.run()
