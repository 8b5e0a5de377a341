"""Where people talk: public channels, private channels, and direct messages between 2 to 9 people."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model.user import UserCard


class ChannelType(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


@attrs.frozen(kw_only=True)
class Channel:
    """A channel. A direct message's `name` is derived from its members (`dm-` and a digest), never shown as a title."""

    id: ChannelId
    workspace_id: WorkspaceId
    name: str
    type: ChannelType
    description: str | None = None
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


@attrs.frozen(kw_only=True)
class ChannelMember:
    """Who is in a channel."""

    channel_id: ChannelId
    user_id: UserId
    joined_at: datetime


@attrs.frozen(kw_only=True)
class ReadState:
    """One person's read marker in one channel, and what is unread after it.

    `unread_count` counts top-level messages after the marker; `mention_count` those of them, and replies, that
    mention the person.
    `read_seq` is the `seq` of the event of the marker's message (0: nothing read yet).
    """

    channel_id: ChannelId
    user_id: UserId
    message_id: MessageId | None = None
    read_seq: int = 0
    unread_count: int = 0
    mention_count: int = 0


@attrs.frozen(kw_only=True)
class LastMessage:
    """The preview line of a channel in a list."""

    content: str
    timestamp: datetime
    user: UserCard


@attrs.frozen(kw_only=True)
class ChannelSummary:
    """A channel as its list shows it to one person; `members` is filled for direct messages only (their title)."""

    channel: Channel
    joined: bool
    read: ReadState
    last_message: LastMessage | None = None
    is_huddle_active: bool = False
    members: tuple[UserId, ...] = ()
