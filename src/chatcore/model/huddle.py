"""A voice conversation in a channel."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId


class HuddleStatus(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


class HuddleMode(StrEnum):
    AUTO = "auto"
    MESH = "mesh"
    SFU = "sfu"


class SignalType(StrEnum):
    OFFER = "offer"
    ANSWER = "answer"
    ICE_CANDIDATE = "ice-candidate"


@attrs.frozen(kw_only=True)
class Huddle:
    """At most one active huddle per channel."""

    id: HuddleId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    created_by: UserId
    title: str | None = None
    mode: HuddleMode = HuddleMode.AUTO
    status: HuddleStatus = HuddleStatus.ACTIVE
    started_at: datetime
    ended_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Participant:
    """A person in a huddle; `left_at` is None while they are in it."""

    huddle_id: HuddleId
    user_id: UserId
    joined_at: datetime
    left_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Signal:
    """A WebRTC signal on its way from one participant to another; `data` is opaque to us."""

    type: SignalType
    data: Mapping[str, Any] | str
    target_user_id: UserId | None = None
