"""Many bots in one process: `python -m benchmarks.server.bot_process URL`, and their tokens as one line of JSON."""

import gc
import sys
from contextlib import AsyncExitStack

import orjson
import trio

from chatcore.bot import Bot, Context, Rate
from chatcore.bot.journal import Memory
from chatcore.bot.living import Life
from chatcore.bot.network import NetworkHome
from chatcore.client import open_client


def make_bot(number: int) -> Bot:
    """A bot whose only guard is the load."""
    bot = Bot(f"bot{number}", rate=Rate(at_once=10_000, per_second=10_000))

    @bot.command()
    async def say(ctx: Context, number: int) -> None:
        await ctx.reply(f"answer {number}")

    return bot


async def main(url: str, tokens: list[str]) -> None:
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        for number, token in enumerate(tokens):
            client = await stack.enter_async_context(open_client(url, token=token))
            await nursery.start(Life(make_bot(number), NetworkHome(client, Memory())).run)
        # What a hundred bots know of a workspace lasts: it need not be looked through for what can go.
        gc.collect()
        gc.freeze()
        print("ready", flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], orjson.loads(sys.stdin.readline()))
