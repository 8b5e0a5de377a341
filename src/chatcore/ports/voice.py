"""The voice port: what carries the media of huddles that go through the server (a selective forwarding unit).

Who may join, who is in a huddle and what others are told of it is the huddle service's affair; here are only *seats*:
one device of one person in one huddle, with one WebRTC connection. An implementation knows the huddles that somebody
has a seat in, and nothing of those where media goes from peer to peer.

Offers and answers are `{"type": "offer" | "answer", "sdp": "…"}`. The sending m-lines of an offer are what the client
speaks and shows; its receive-only m-lines are slots, which are filled with others without renegotiation. ICE is
complete in both; candidates that trickle come by `signal`.

Promises: every call returns within some seconds or raises `Unavailable`; a call about one seat disturbs no other; a
crash of the media restarts it, tells `MediaRestarted`, and takes nothing of the chat with it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import attrs

from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.model import Signal


@attrs.frozen(kw_only=True)
class VoiceSeat:
    """One device of one person in one huddle. `device_id` is the client's own name for it, up to 64 characters."""

    huddle_id: HuddleId
    channel_id: ChannelId
    workspace_id: WorkspaceId
    user_id: UserId
    device_id: str


class VideoSource(StrEnum):
    """What a sending m-line of video shows."""

    CAMERA = "camera"
    SCREEN = "screen"


@attrs.frozen(kw_only=True)
class VideoWish:
    """A video that a receiver wants to see."""

    user_id: UserId
    source: VideoSource = VideoSource.CAMERA


# --- what is told ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SeatSlots:
    """Who is in the slots of one seat: mid of the receive-only m-line -> person. A slot that is silent is left out."""

    user_id: UserId
    device_id: str
    audio: Mapping[str, UserId]
    video: Mapping[str, UserId] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SpeakersChanged:
    """Who speaks now, the loudest first, and what the slots of every seat hold. At most 5 a second for each huddle."""

    huddle_id: HuddleId
    speaking: tuple[UserId, ...]
    slots: tuple[SeatSlots, ...] = ()


@attrs.frozen(kw_only=True)
class SeatLost:
    """The connection of a seat failed: no sign of life for some seconds. The seat is gone; the person may join again.

    Never told of a seat that `leave`, `end` or a new `join` of the same seat has closed.
    """

    seat: VoiceSeat
    reason: str


@attrs.frozen(kw_only=True)
class MediaRestarted:
    """The media of a huddle is gone (its process died, or it was moved): every seat has to join again with a new
    offer. `join` takes them at once.
    """

    huddle_id: HuddleId
    reason: str


@attrs.frozen(kw_only=True)
class RecordingFinished:
    """A recording is complete on disk, or failed (`problem` says why). `files`: name -> what it holds."""

    huddle_id: HuddleId
    recording_id: str
    files: Mapping[str, str]
    problem: str | None = None


VoiceEvent = SpeakersChanged | SeatLost | MediaRestarted | RecordingFinished
VoiceListener = Callable[[VoiceEvent], None]


# --- figures ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LegStats:
    """One seat's connection, from RTP and RTCP. `in` is from the client to us. None: not known yet.

    Counts are totals since the join; bits per second are over the last seconds; loss is what the receiver of the
    direction reported.
    """

    user_id: UserId
    device_id: str
    seconds: float
    packets_in: int = 0
    packets_out: int = 0
    lost_in: int = 0
    lost_out: int = 0
    bitrate_in: float = 0.0
    bitrate_out: float = 0.0
    jitter_in_ms: float | None = None
    jitter_out_ms: float | None = None
    round_trip_ms: float | None = None


@attrs.frozen(kw_only=True)
class HuddleStats:
    """The connections of a huddle; none while its media goes from peer to peer."""

    huddle_id: HuddleId
    legs: tuple[LegStats, ...] = ()


@attrs.frozen(kw_only=True)
class VoiceTotals:
    """What this node's media does, for `/metrics`: gauges of now, and counts that only grow. Cheap to ask.

    Jitter and round trip are those of the worst connection, 0 without one; bits per second are of all together.
    """

    huddles: int = 0
    seats: int = 0
    capacity: int = 0
    processes: int = 0
    restarts: int = 0
    packets_in: int = 0
    packets_out: int = 0
    packets_lost: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    cpu_seconds: float = 0.0
    bitrate_in: float = 0.0
    bitrate_out: float = 0.0
    jitter_ms: float = 0.0
    round_trip_ms: float = 0.0


# --- the port --------------------------------------------------------------------------------------------------------


class Voice(Protocol):
    def on_event(self, listener: VoiceListener) -> None:
        """Call `listener` in the Trio thread with what happens. It must be quick and must not raise."""
        ...

    async def join(
        self, seat: VoiceSeat, offer: Mapping[str, Any], sources: Mapping[str, VideoSource] | None = None
    ) -> Mapping[str, Any]:
        """Give the seat a connection; returns the answer. A seat that has one gets the new one in its place.

        `sources`: mid of a sending video m-line -> what it shows; others are cameras. Raises ValidationFailed for an
        offer that is none, VoiceFull when the node has no room, Unavailable while the media restarts.
        """
        ...

    async def leave(self, seat: VoiceSeat) -> None:
        """Close the seat's connection. Harmless when there is none."""
        ...

    async def signal(self, seat: VoiceSeat, signal: Signal) -> None:
        """A candidate that came late. Harmless for a seat without a connection. Raises ValidationFailed for other
        signals.
        """
        ...

    async def mute(self, huddle_id: HuddleId, user_id: UserId, muted: bool) -> None:
        """While muted, nothing that the person's microphones send is passed on, whatever their clients do.

        Holds for seats that come later too, until `end`.
        """
        ...

    async def wants(self, seat: VoiceSeat, videos: tuple[VideoWish, ...]) -> None:
        """What the seat's video slots show, in the order of the slots; further slots stay empty.

        Before it is called for a seat, they show whoever sends video, as far as there are slots.
        """
        ...

    async def end(self, huddle_id: HuddleId) -> None:
        """Close every seat, finish a recording, forget the huddle. Harmless when it is not known."""
        ...

    async def stats(self, huddle_id: HuddleId) -> HuddleStats:
        """Its connections; none for a huddle that is not known."""
        ...

    def totals(self) -> VoiceTotals:
        """What was known some seconds ago at the latest. Never waits."""
        ...

    async def start_recording(self, huddle_id: HuddleId, recording_id: str) -> None:
        """Record what every seat says from now on. Raises Duplicate when it is being recorded, Unavailable when it
        cannot be, as where nobody is connected.
        """
        ...

    async def stop_recording(self, huddle_id: HuddleId) -> None:
        """Stop; `RecordingFinished` follows. Harmless when nothing is being recorded."""
        ...

    async def health(self) -> dict[str, Any]:
        """Quick facts for readiness: `{"ok": bool, ...}`. Never raises."""
        ...
