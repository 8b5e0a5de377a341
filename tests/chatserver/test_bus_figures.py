"""Whether a node reaches the others, in figures."""

import pytest
import trio
from trio.testing import MockClock

from chatcore import open_chat
from chatcore.testing.bus import envelope
from chatcore.testing.exchange import Exchange
from chatcore.testing.nodes import open_nodes
from chatserver.bus_figures import show_bus
from chatserver.meter import Meter


@pytest.mark.own_storage
async def test_a_node_that_is_cut_off_shows_it(autojump_clock: MockClock) -> None:
    exchange = Exchange()
    async with open_nodes(2, exchange=exchange) as nodes:
        meter = Meter()
        show_bus(meter, nodes.chats[0])
        assert "chatcore_bus_connected 1.0" in meter.exposition()[0].decode()
        exchange.cut("node 1")
        await trio.sleep(0.1)
        nodes.chats[0].bus.publish([envelope(1)])
        shown = meter.exposition()[0].decode()
        assert "chatcore_bus_connected 0.0" in shown
        assert "chatcore_bus_dropped_total 1.0" in shown


@pytest.mark.own_storage
async def test_a_node_that_is_alone_shows_nothing() -> None:
    async with open_chat("memory:") as chat:
        meter = Meter()
        show_bus(meter, chat)
        assert "chatcore_bus" not in meter.exposition()[0].decode()
