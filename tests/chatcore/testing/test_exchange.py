"""Nodes that meet in memory keep the promises of a bus between nodes."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from chatcore.ports import Bus
from chatcore.testing.bus import BusContract, Inbox, SharedBusContract, Site, envelope
from chatcore.testing.exchange import Exchange


class TestExchange(SharedBusContract):
    """Several nodes."""

    autojump = True

    def open_site(self) -> AbstractAsyncContextManager[Site]:
        return exchange()


class TestExchangeAlone(BusContract):
    """One node."""

    def open_bus(self) -> AbstractAsyncContextManager[Bus]:
        return Exchange().node("alone")


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    yield Exchange()


async def test_packets_are_lost_and_doubled_as_wanted(autojump_clock: trio.abc.Clock) -> None:
    site = Exchange(loss=0.3, doubling=0.3)
    async with site.node("here") as here, site.node("there") as there:
        heard = Inbox()
        with there.subscribe(heard):
            for seq in range(1, 501):
                here.publish([envelope(seq)])
                await trio.sleep(0.01)
        assert 250 < len(heard.seqs) < 450
        assert heard.seqs == sorted(set(heard.seqs))
        assert (await there.health())["missed"] > 50
