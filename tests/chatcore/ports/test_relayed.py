"""A bus that relays, over a line that breaks when it is told to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from chatcore.ports.relayed import Line, Received, relaying
from chatcore.testing.bus import envelope


@attrs.define(eq=False)
class BrokenLine:
    """What it is given stays on it; told to, it breaks."""

    broken: trio.Event = attrs.field(factory=trio.Event)
    given: list[bytes] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, received: Received) -> AsyncIterator[Line]:
        yield self

    async def send(self, packets: Sequence[bytes]) -> None:
        self.given += packets
        await self.broken.wait()
        raise OSError("broken")


async def test_a_goodbye_does_not_wait_for_a_line_that_is_lost(mock_clock: MockClock) -> None:
    """With a clock that stands still: no deadline may be what ends it."""
    line = BrokenLine()
    done = trio.Event()
    async with trio.open_nursery() as nursery:

        async def live() -> None:
            async with relaying("test", line.open, storage=None) as bus:
                bus.publish([envelope(1)])
                await wait_all_tasks_blocked()
            done.set()

        nursery.start_soon(live)
        await wait_all_tasks_blocked()
        assert line.given
        assert not done.is_set()
        line.broken.set()
        await wait_all_tasks_blocked()
        assert done.is_set()
        nursery.cancel_scope.cancel()
