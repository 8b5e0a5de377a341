"""A loop that is kept from its work is seen."""

import time

import trio

from chatserver.lag import EVERY_SECONDS, Lag


async def test_whoever_blocks_the_loop_is_seen() -> None:
    lag = Lag()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lag.run)
        await trio.sleep(EVERY_SECONDS / 2)
        time.sleep(EVERY_SECONDS)  # noqa: ASYNC251  # on purpose
        await trio.sleep(EVERY_SECONDS / 2)
        nursery.cancel_scope.cancel()
    late = dict(lag.histogram.buckets)
    assert late["+Inf"] - late["0.05"] == 1
