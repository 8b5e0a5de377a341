"""The figures of the bus in `/metrics`: a node without its line goes on, a little late, so somebody must see it."""

from chatcore import Chat
from chatcore.ports import RelayedBus
from chatserver.meter import Meter


def show_bus(meter: Meter, chat: Chat) -> None:
    """Show whether the other nodes can be reached, and what was lost on the way; nothing where there are none."""
    bus = chat.bus
    if not isinstance(bus, RelayedBus):
        return
    meter.gauge("chatcore_bus_connected", "Whether this node reaches the others.", lambda: float(bus.connected))
    meter.counter("chatcore_bus_dropped", "Envelopes that could not be sent to other nodes.", lambda: bus.dropped)
    meter.counter("chatcore_bus_missed", "Packets of other nodes that did not arrive.", lambda: bus.missed)
