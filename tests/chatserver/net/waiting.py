"""Waiting for something that tells nobody when it happens."""

from collections.abc import Callable

import trio


async def until(true: Callable[[], bool], patience: float = 10) -> None:
    """Look every 10 ms; fails after `patience` seconds."""
    with trio.fail_after(patience):
        while not true():  # noqa: ASYNC110  # what is looked at has no event to wait for
            await trio.sleep(0.01)
