"""A voice conversation in a channel."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from chatcore.ids import ChannelId, HuddleId, RecordingId, UserId, WorkspaceId


class HuddleStatus(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


class HuddleMode(StrEnum):
    AUTO = "auto"
    MESH = "mesh"
    SFU = "sfu"


class Topology(StrEnum):
    """How the media of a huddle goes at present; the mode is what was asked for."""

    MESH = "mesh"
    """From everyone to everyone."""
    SFU = "sfu"
    """Through the server."""


class SignalType(StrEnum):
    OFFER = "offer"
    ANSWER = "answer"
    ICE_CANDIDATE = "ice-candidate"


@attrs.frozen(kw_only=True)
class Huddle:
    """At most one active huddle per channel.

    `empty_since`: when the last person left; nobody back in some seconds, and it ends. `recorded_by`: who has it
    recorded at present.
    """

    id: HuddleId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    created_by: UserId
    title: str | None = None
    mode: HuddleMode = HuddleMode.AUTO
    topology: Topology = Topology.MESH
    status: HuddleStatus = HuddleStatus.ACTIVE
    started_at: datetime
    ended_at: datetime | None = None
    empty_since: datetime | None = None
    recorded_by: UserId | None = None


@attrs.frozen(kw_only=True)
class Participant:
    """A person in a huddle; `left_at` is None while they are in it. `removed_by`: the moderator who took them out."""

    huddle_id: HuddleId
    user_id: UserId
    joined_at: datetime
    left_at: datetime | None = None
    muted: bool = False
    camera: bool = False
    sharing: bool = False
    hand_raised: bool = False
    removed_by: UserId | None = None


@attrs.frozen(kw_only=True)
class HuddleDevice:
    """A device of a person in a huddle: they are in it as long as one of theirs is.

    The node that it is connected to changes `beat` again and again. Nobody reads a time out of it: what a beat that
    stands still means is measured on each node's own clock.
    """

    huddle_id: HuddleId
    user_id: UserId
    device_id: str
    beat: int = 0


@attrs.frozen(kw_only=True)
class HuddlePin:
    """Which node carries the media of a huddle. `node` is the name that it has until it ends."""

    huddle_id: HuddleId
    node: str


@attrs.frozen(kw_only=True)
class Recording:
    """What was said in a huddle. It may be fetched once `stopped_at` and `files` tell what there is.

    `files`: name -> whose voice is in it (an id), or `mix` for everybody's. `problem`: what is missing, and why.
    """

    id: RecordingId
    huddle_id: HuddleId
    channel_id: ChannelId
    started_by: UserId
    started_at: datetime
    stopped_at: datetime | None = None
    files: Mapping[str, Any] = attrs.field(factory=dict)
    problem: str | None = None


@attrs.frozen(kw_only=True)
class Signal:
    """A WebRTC signal on its way from one participant to another; `data` is opaque to us.

    Without a device it is for all of the person's; without a person it is for the server.
    """

    type: SignalType
    data: Mapping[str, Any] | str
    target_user_id: UserId | None = None
    target_device_id: str | None = None
