"""The clock that tests turn."""

from datetime import timedelta

import pytest
import trio
import trio.testing

from chatcore.testing.clock import START, FakeClock


async def test_it_runs_with_trio_in_whole_milliseconds(autojump_clock: trio.testing.MockClock) -> None:
    clock = FakeClock()
    assert clock.now() == START
    await trio.sleep(90.0015)
    assert clock.now() == START + timedelta(seconds=90, milliseconds=1)


async def test_it_jumps_either_way(autojump_clock: trio.testing.MockClock) -> None:
    clock = FakeClock()
    clock.now()
    clock.jump(-3600)
    assert clock.now() == START - timedelta(hours=1)
    clock.jump(7200.5)
    assert clock.now() == START + timedelta(hours=1, milliseconds=500)


def test_it_needs_trio() -> None:
    with pytest.raises(RuntimeError):
        FakeClock().now()
