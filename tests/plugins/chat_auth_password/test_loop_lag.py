"""Twenty people sign in at once, and nobody else notices."""

import time
from collections.abc import Awaitable, Callable

import pytest
import trio

from chat_auth_password import open_password
from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.ids import UserId, uuid7
from chatcore.ports import ProviderContext
from chatcore.testing.clock import FakeClock

LOGINS = 20
LIMIT = 0.050
"""Seconds that the loop may be late."""
ATTEMPTS = 3
"""Another program may take the machine away for a moment; hashing on the loop would be late by seconds every time."""


@pytest.mark.slow
@pytest.mark.alone
async def test_the_loop_goes_on_while_twenty_sign_in() -> None:
    context = ProviderContext(config=Config(database_url="memory:"), clock=FakeClock(), data_dir=None)
    async with open_sqlite(context) as storage:
        context = ProviderContext(config=context.config, clock=context.clock, data_dir=None, storage=storage)
        async with open_password(context) as auth:
            lags = []
            for _ in range(ATTEMPTS):
                lags.append(await _worst_lag(lambda: auth.verify(UserId(uuid7(1)), "correct horse")))
                if lags[-1] <= LIMIT:
                    break
            assert min(lags) <= LIMIT, lags


async def _worst_lag(sign_in: Callable[[], Awaitable[object]]) -> float:
    """How late the loop was at worst while the sign-ins ran, in seconds."""
    worst = 0.0
    finished = 0

    async def one() -> None:
        nonlocal finished
        await sign_in()
        finished += 1

    async with trio.open_nursery() as nursery:
        for _ in range(LOGINS):
            nursery.start_soon(one)
        started = time.perf_counter()
        while finished < LOGINS:
            before = time.perf_counter()
            await trio.sleep(0.002)
            worst = max(worst, time.perf_counter() - before - 0.002)
    assert time.perf_counter() - started > 1  # they did hash
    return worst
