"""The figures of huddles in `/metrics`."""

from functools import partial

from chatcore import Chat
from chatserver.meter import Meter

_VOICE = {
    "huddles": "Huddles whose media goes through this node.",
    "seats": "Devices connected to the media of this node.",
    "capacity": "Devices that may be.",
    "processes": "Media processes that run.",
    "restarts": "Media processes that were started again, so far.",
    "packets_in": "RTP packets received from clients so far.",
    "packets_out": "RTP packets sent to clients so far.",
    "packets_lost": "RTP packets that did not arrive, in either direction, so far.",
    "bytes_in": "Bytes of media received so far.",
    "bytes_out": "Bytes of media sent so far.",
    "cpu_seconds": "Processor time of the media processes so far.",
    "bitrate_in": "Bits of media a second from clients now.",
    "bitrate_out": "Bits of media a second to clients now.",
    "jitter_ms": "Milliseconds of jitter of the worst connection, in either direction.",
    "round_trip_ms": "Milliseconds to the farthest client and back.",
}
"""Field of `VoiceTotals` -> what it is."""


def show_huddles(meter: Meter, chat: Chat) -> None:
    """Show what goes on in huddles, and what the media of this node does."""
    huddles = chat.huddles
    meter.gauge("chatcore_huddles", "Huddles that go on, on all nodes.", lambda: huddles.active_count)
    meter.gauge("chatcore_huddle_devices", "Devices in huddles by way of this node.", lambda: huddles.device_count)
    for field, text in _VOICE.items():
        meter.gauge(f"chatcore_voice_{field}", text, partial(_total, chat, field))


def _total(chat: Chat, field: str) -> float:
    return float(getattr(chat.huddles.media_totals(), field))
