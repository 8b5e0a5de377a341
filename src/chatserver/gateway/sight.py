"""What `/metrics` shows of the gateway. Read when somebody asks, so that nothing of it is paid for by each message."""

from chatcore.events import MessageReceived
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.gateway import Gateway
from chatserver.meter import Meter


def show(gateway: Gateway, meter: Meter) -> None:
    """Have the meter show what this gateway counts."""
    _connections(gateway, meter)
    _traffic(gateway, meter)


def _connections(gateway: Gateway, meter: Meter) -> None:
    tally = gateway.tally
    meter.gauge("chatcore_connections", "Open TCP connections.", lambda: tally.streams)
    meter.counter(
        "chatcore_connections_refused",
        "TCP connections over the limits, closed at once.",
        lambda: tally.streams_refused,
    )
    meter.gauge("chatcore_sockets", "Open WebSocket connections.", lambda: gateway.connections)
    meter.counter("chatcore_sockets_opened", "WebSocket connections.", lambda: tally.opened)
    meter.counters(
        "chatcore_sockets_closed",
        "WebSocket connections that ended, by close code.",
        "code",
        lambda: {str(int(code)): count for code, count in tally.closed.items()},
    )
    meter.counter(
        "chatcore_slow_closes", "WebSocket connections closed because they did not read.", lambda: _slow(gateway)
    )
    meter.counters(
        "chatcore_handshakes_refused",
        "Requests for a WebSocket that were refused, by error code.",
        "code",
        lambda: dict(tally.refused),
    )
    meter.counters(
        "chatcore_joins",
        "Workspaces joined: with what was missed, or afresh.",
        "how",
        lambda: {"resumed": tally.resumed, "afresh": tally.afresh},
    )


def _traffic(gateway: Gateway, meter: Meter) -> None:
    tally, rooms = gateway.tally, gateway.rooms
    meter.counter("chatcore_frames_received", "WebSocket frames received.", lambda: tally.frames_in)
    meter.counter("chatcore_received_bytes", "Bytes received over WebSocket.", lambda: tally.bytes_in)
    meter.counter("chatcore_frames_sent", "Texts written to WebSockets.", lambda: tally.frames_out + rooms.texts_out)
    meter.counter("chatcore_sent_bytes", "Bytes written to WebSockets.", lambda: tally.bytes_out + rooms.bytes_out)
    meter.gauge("chatcore_queued_bytes", "Bytes that wait for WebSockets which do not read.", lambda: gateway.queued)
    meter.counter(
        "chatcore_messages_sent", "Messages, by whatever way they came.", lambda: tally.events[MessageReceived.type]
    )
    meter.counters(
        "chatcore_events", "Events of the workspaces that are open here, by type.", "type", lambda: dict(tally.events)
    )


def _slow(gateway: Gateway) -> int:
    return gateway.tally.closed[CloseCode.TOO_SLOW]
