"""One class per fact. Durable events have a place in a workspace's log; ephemeral ones are said once and forgotten.

The fields of a class are the `data` of its frame; `workspace_id` and `seq` stand beside it, in the envelope. Decoding
refuses unknown fields. `Audience` says who may receive an event; it is resolved against the membership that holds at
the moment of delivery (or replay), never against the one at the moment of the commit.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import attrs

from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import (
    Channel,
    Huddle,
    MemberCard,
    Message,
    PresenceStatus,
    Signal,
    TokenScope,
    UserCard,
    Workspace,
)


class Scope(StrEnum):
    """The kinds of audience."""

    WORKSPACE = "workspace"
    """Every member."""
    CHANNEL = "channel"
    """Those who may read the channel; and `user_id` too, if given (who was just removed learns of it)."""
    USER = "user"
    """`user_id` alone."""
    OUTSIDE = "outside"
    """Members of the workspace, guests apart, who may not read the channel (it was just made private)."""


@attrs.frozen
class Audience:
    scope: Scope
    channel_id: ChannelId | None = None
    user_id: UserId | None = None


EVERYONE = Audience(Scope.WORKSPACE)


@attrs.frozen(kw_only=True)
class Event:
    """What every event has. `seq` is 0 until the event is committed, and for ephemeral events always.

    `needs`: the scope that a bot's token must have to receive it; None: none.
    """

    type: ClassVar[str]
    durable: ClassVar[bool] = True
    needs: ClassVar[TokenScope | None] = None

    workspace_id: WorkspaceId
    seq: int = 0

    @property
    def audience(self) -> Audience:
        """Every member of the workspace."""
        return EVERYONE


@attrs.frozen(kw_only=True)
class ChannelEvent(Event):
    """An event that belongs to one channel."""

    channel_id: ChannelId

    @property
    def audience(self) -> Audience:
        """Who may read the channel."""
        return Audience(Scope.CHANNEL, self.channel_id)


# --- messages ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class MessageReceived(Event):
    """A message was sent. Its author's read marker moved to it, unless it is a reply.

    Replayed after the message was deleted, it has neither content nor attachments; its deletion follows.
    """

    type = "message_received"
    needs = TokenScope.MESSAGES_READ
    message: Message

    @property
    def audience(self) -> Audience:
        """Who may read the channel."""
        return Audience(Scope.CHANNEL, self.message.channel_id)


@attrs.frozen(kw_only=True)
class MessageUpdated(ChannelEvent):
    """The text of a message was changed. Whom it mentioned when it was sent goes on counting."""

    type = "message_updated"
    needs = TokenScope.MESSAGES_READ
    message_id: MessageId
    thread_id: MessageId | None = None
    content: str
    mentions: tuple[UserId, ...] = ()
    mentions_all: bool = False
    edited_at: datetime


@attrs.frozen(kw_only=True)
class Mentioned:
    """Whom a message mentioned when it was sent; enough for a client to correct its count when it is deleted."""

    seq: int
    author_id: UserId
    user_ids: tuple[UserId, ...] = ()
    everyone: bool = False


@attrs.frozen(kw_only=True)
class MessageDeleted(ChannelEvent):
    """A message is gone; with a thread's first message its replies are gone too.

    `message_seq` is the seq of the event that created it: it was unread to those whose marker stands before.
    `mentioned` lists the mentions in it and in the replies that went with it.
    """

    type = "message_deleted"
    needs = TokenScope.MESSAGES_READ
    message_id: MessageId
    thread_id: MessageId | None = None
    message_seq: int
    mentioned: tuple[Mentioned, ...] = ()


@attrs.frozen(kw_only=True)
class ReactionAdded(ChannelEvent):
    """Somebody reacted to a message."""

    type = "reaction_added"
    needs = TokenScope.MESSAGES_READ
    message_id: MessageId
    emoji: str
    user_id: UserId
    user: UserCard


@attrs.frozen(kw_only=True)
class ReactionRemoved(ChannelEvent):
    """Somebody took a reaction back."""

    type = "reaction_removed"
    needs = TokenScope.MESSAGES_READ
    message_id: MessageId
    emoji: str
    user_id: UserId
    user: UserCard


@attrs.frozen(kw_only=True)
class ReadUpdated(Event):
    """A read marker was moved; said to its owner alone, on all their devices."""

    type = "read_updated"
    needs = TokenScope.MESSAGES_READ
    user_id: UserId
    channel_id: ChannelId
    message_id: MessageId | None = None
    read_seq: int
    unread_count: int
    mention_count: int

    @property
    def audience(self) -> Audience:
        """That person alone, on all their devices."""
        return Audience(Scope.USER, self.channel_id, self.user_id)


# --- channels and members ------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ChannelCreated(Event):
    """A channel was made; for whoever is told of it, it is new."""

    type = "channel_created"
    needs = TokenScope.CHANNELS_READ
    channel: Channel
    member_ids: tuple[UserId, ...] = ()

    @property
    def audience(self) -> Audience:
        """Who may read the channel."""
        return Audience(Scope.CHANNEL, self.channel.id)


@attrs.frozen(kw_only=True)
class ChannelUpdated(Event):
    """A channel changed: its name, description, type or settings, or it was taken out of the archive."""

    type = "channel_updated"
    needs = TokenScope.CHANNELS_READ
    channel: Channel

    @property
    def audience(self) -> Audience:
        """Who may read the channel."""
        return Audience(Scope.CHANNEL, self.channel.id)


@attrs.frozen(kw_only=True)
class ChannelArchived(ChannelEvent):
    """A channel was archived: it can be read, and nothing in it changes any more."""

    type = "channel_archived"
    needs = TokenScope.CHANNELS_READ
    archived_at: datetime


@attrs.frozen(kw_only=True)
class ChannelHidden(ChannelEvent):
    """A public channel was made private; said to those who can no longer see it."""

    type = "channel_hidden"
    needs = TokenScope.CHANNELS_READ

    @property
    def audience(self) -> Audience:
        """Members, guests apart, who can no longer read the channel."""
        return Audience(Scope.OUTSIDE, self.channel_id)


@attrs.frozen(kw_only=True)
class MemberJoined(Event):
    """Somebody joined the workspace, or, when `channel` is given, that channel. Nothing before it is unread to them."""

    type = "member_joined"
    needs = TokenScope.MEMBERS_READ
    member: MemberCard
    channel: Channel | None = None

    @property
    def audience(self) -> Audience:
        """Every member of the workspace; when it is about one channel, who may read that."""
        return EVERYONE if self.channel is None else Audience(Scope.CHANNEL, self.channel.id)


@attrs.frozen(kw_only=True)
class MemberLeft(Event):
    """Somebody left, or was removed from, the workspace (then every channel of it too) or one channel."""

    type = "member_left"
    needs = TokenScope.MEMBERS_READ
    user_id: UserId
    channel_id: ChannelId | None = None

    @property
    def audience(self) -> Audience:
        """Every member of the workspace; when it is about one channel, who may read that; and the person who left."""
        if self.channel_id is None:
            return Audience(Scope.WORKSPACE, None, self.user_id)
        return Audience(Scope.CHANNEL, self.channel_id, self.user_id)


@attrs.frozen(kw_only=True)
class MemberUpdated(Event):
    """A member's role, name or picture changed, or their account was deactivated or brought back."""

    type = "member_updated"
    needs = TokenScope.MEMBERS_READ
    member: MemberCard

    @property
    def audience(self) -> Audience:
        """Every member of the workspace, and the person whom it is about."""
        return Audience(Scope.WORKSPACE, None, self.member.user_id)


@attrs.frozen(kw_only=True)
class WorkspaceUpdated(Event):
    """The workspace changed: its name, description, picture or settings."""

    type = "workspace_updated"
    workspace: Workspace


# --- huddles -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ParticipantCard:
    """Somebody in a huddle, as others see them. That they speak is told by `HuddleSpeaking`, and kept nowhere."""

    user_id: UserId
    display_name: str
    avatar_url: str | None = None
    joined_at: datetime
    muted: bool = False
    camera: bool = False
    sharing: bool = False
    hand_raised: bool = False


@attrs.frozen(kw_only=True)
class HuddleStarted(Event):
    """A huddle began in a channel."""

    type = "huddle_started"
    needs = TokenScope.HUDDLES_READ
    huddle: Huddle
    started_by: UserCard

    @property
    def audience(self) -> Audience:
        """Who may read the channel."""
        return Audience(Scope.CHANNEL, self.huddle.channel_id)


@attrs.frozen(kw_only=True)
class HuddleUserJoined(ChannelEvent):
    """Somebody came into a huddle."""

    type = "huddle_user_joined"
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    user: ParticipantCard


@attrs.frozen(kw_only=True)
class HuddleUserLeft(ChannelEvent):
    """Somebody left a huddle."""

    type = "huddle_user_left"
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    user_id: UserId
    removed_by: UserId | None = None


@attrs.frozen(kw_only=True)
class HuddleUserUpdated(ChannelEvent):
    """Somebody in the huddle muted themselves, raised a hand …, or was muted by `by_user_id`."""

    type = "huddle_user_updated"
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    user: ParticipantCard
    by_user_id: UserId


@attrs.frozen(kw_only=True)
class HuddleUpdated(ChannelEvent):
    """The title, the mode, the way of the media or the recording changed. With another `topology` than before,
    everybody in it joins again, with an offer where media goes through the server.
    """

    type = "huddle_updated"
    needs = TokenScope.HUDDLES_READ
    huddle: Huddle


@attrs.frozen(kw_only=True)
class HuddleEnded(ChannelEvent):
    """A huddle is over."""

    type = "huddle_ended"
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    ended_at: datetime


# --- ephemeral -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Typing(ChannelEvent):
    """Somebody is typing, or has stopped; clients let it lapse after some seconds."""

    type = "typing"
    durable = False
    needs = TokenScope.MESSAGES_READ
    user_id: UserId
    user: UserCard
    is_typing: bool


@attrs.frozen(kw_only=True)
class PresenceUpdate(Event):
    """Somebody is online, away or offline."""

    type = "presence_update"
    durable = False
    needs = TokenScope.MEMBERS_READ
    user_id: UserId
    status: PresenceStatus
    last_seen: datetime | None = None


@attrs.frozen(kw_only=True)
class HuddleSignal(Event):
    """A WebRTC signal for `to_user_id` alone: for all their devices, or for `to_device_id`."""

    type = "huddle_signal"
    durable = False
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    channel_id: ChannelId
    from_user_id: UserId
    from_device_id: str | None = None
    to_user_id: UserId
    to_device_id: str | None = None
    signal: Signal

    @property
    def audience(self) -> Audience:
        """That person alone, on all their devices."""
        return Audience(Scope.USER, self.channel_id, self.to_user_id)


@attrs.frozen(kw_only=True)
class Slot:
    """Who is in a slot: the receive-only m-line `mid` in the offer of one of the reader's devices."""

    device_id: str
    mid: str
    user_id: UserId


@attrs.frozen(kw_only=True)
class HuddleSpeaking(Event):
    """Who speaks now, the loudest first; for `to_user_id`, who is in the huddle, with the slots of their devices."""

    type = "huddle_speaking"
    durable = False
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    channel_id: ChannelId
    to_user_id: UserId
    speaking: tuple[UserId, ...]
    slots: tuple[Slot, ...] = ()

    @property
    def audience(self) -> Audience:
        """That person alone, on all their devices."""
        return Audience(Scope.USER, self.channel_id, self.to_user_id)


@attrs.frozen(kw_only=True)
class HuddleRejoin(ChannelEvent):
    """Media is gone: everybody in the huddle joins again with a new offer, or only `user_id` with `device_id`."""

    type = "huddle_rejoin"
    durable = False
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    user_id: UserId | None = None
    device_id: str | None = None
    reason: str


class RingStatus(StrEnum):
    RINGING = "ringing"
    ANSWERED = "answered"
    DECLINED = "declined"
    MISSED = "missed"
    """Nobody answered in time, or the huddle is over."""


@attrs.frozen(kw_only=True)
class HuddleRing(ChannelEvent):
    """`user_id` calls `to_user_id` in a direct message, for `timeout_seconds` at most; or how that went."""

    type = "huddle_ring"
    durable = False
    needs = TokenScope.HUDDLES_READ
    huddle_id: HuddleId
    user_id: UserId
    user: UserCard
    to_user_id: UserId
    status: RingStatus
    timeout_seconds: int


EVENT_CLASSES: tuple[type[Event], ...] = (
    MessageReceived,
    MessageUpdated,
    MessageDeleted,
    ReactionAdded,
    ReactionRemoved,
    ReadUpdated,
    ChannelCreated,
    ChannelUpdated,
    ChannelArchived,
    ChannelHidden,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    WorkspaceUpdated,
    HuddleStarted,
    HuddleUserJoined,
    HuddleUserLeft,
    HuddleUserUpdated,
    HuddleUpdated,
    HuddleEnded,
    Typing,
    PresenceUpdate,
    HuddleSignal,
    HuddleSpeaking,
    HuddleRejoin,
    HuddleRing,
)

EVENTS: dict[str, type[Event]] = {cls.type: cls for cls in EVENT_CLASSES}


def scope_for(type_: str, audience: Audience) -> TokenScope | None:
    """The scope that a bot's token must have to receive an event: that by which it could read what the event is about.

    Who comes into a channel or leaves it is told with the channel; who comes into the workspace, with the members.
    """
    needs = EVENTS[type_].needs
    if needs is TokenScope.MEMBERS_READ and audience.scope is Scope.CHANNEL:
        return TokenScope.CHANNELS_READ
    return needs
