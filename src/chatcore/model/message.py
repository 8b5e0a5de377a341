"""A message, its reactions, and pages of messages."""

from datetime import datetime
from enum import StrEnum

import attrs

from chatcore.ids import AttachmentId, ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model.attachment import Attachment
from chatcore.model.user import UserCard

MAX_CONTENT = 4000
"""Longest message, in Unicode code points (specification §9: check_content_length)."""


@attrs.frozen(kw_only=True)
class Reaction:
    """One person's reaction to one message."""

    message_id: MessageId
    user_id: UserId
    emoji: str
    created_at: datetime


@attrs.frozen(kw_only=True)
class ReactionSummary:
    """All reactions to a message with one emoji, users in the order in which they reacted."""

    emoji: str
    count: int
    users: tuple[UserId, ...]


@attrs.frozen(kw_only=True)
class Draft:
    """A message on its way in, as filters see it: they may change `content` and nothing else."""

    id: MessageId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    author_id: UserId
    content: str
    thread_id: MessageId | None = None
    temp_id: str | None = None
    attachment_ids: tuple[AttachmentId, ...] = ()


class MessageKind(StrEnum):
    """What wrote a message, where it was no person. Such a message cannot be edited."""

    HUDDLE = "huddle"
    """The record of a huddle that has ended, in the name of who started it."""


@attrs.frozen(kw_only=True)
class Message:
    """A message as everyone reads it.

    `seq` is the seq of the event that created it and the only order there is. `mentions` names the people mentioned by
    `<@userId>`; `mentions_all` is true when it holds `@channel`, `@here` or `@everyone`.
    """

    id: MessageId
    channel_id: ChannelId
    user_id: UserId
    user: UserCard
    content: str
    thread_id: MessageId | None = None
    thread_reply_count: int = 0
    reactions: tuple[ReactionSummary, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    mentions: tuple[UserId, ...] = ()
    mentions_all: bool = False
    temp_id: str | None = None
    kind: MessageKind | None = None
    edited_at: datetime | None = None
    created_at: datetime
    seq: int = 0


@attrs.frozen(kw_only=True)
class MessagePage:
    """Messages newest first (oldest first when paged with `after`); `next_cursor` continues in the same direction."""

    messages: tuple[Message, ...]
    has_more: bool
    next_cursor: MessageId | None = None
