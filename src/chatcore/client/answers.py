"""What the server answers where the core has no value of its own. The tests hold each class against the server's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from chatcore.ids import ChannelId, HuddleId, InviteId, MessageId, TokenId, UserId, WorkspaceId
from chatcore.model import (
    AuditEntry,
    Channel,
    ChannelType,
    Command,
    EmojiPreset,
    HuddleMode,
    HuddleStatus,
    LastMessage,
    MemberCard,
    Message,
    Presence,
    Role,
    TokenScope,
    Topology,
    UserCard,
    Workspace,
)

# --- accounts ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class AuthUser:
    """Who signed in."""

    id: UserId
    email: str
    display_name: str
    avatar_url: str | None = None


@attrs.frozen(kw_only=True)
class SignIn:
    """A sign-in: the access token is good for 15 minutes, the refresh token for 7 days and once."""

    user: AuthUser
    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Account:
    """The signed-in user's own account."""

    id: UserId
    email: str
    display_name: str
    first_name: str
    last_name: str
    avatar_url: str | None = None
    email_verified: bool
    is_bot: bool
    created_at: datetime


# --- workspaces ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class WorkspaceItem:
    """A workspace in the list; `unread_count` adds up the channels that one is in."""

    id: WorkspaceId
    name: str
    slug: str
    avatar_url: str | None = None
    role: Role
    unread_count: int


@attrs.frozen(kw_only=True)
class WorkspaceList:
    workspaces: tuple[WorkspaceItem, ...]


@attrs.frozen(kw_only=True)
class WorkspaceView:
    """A workspace; `role` is one's own."""

    id: WorkspaceId
    name: str
    slug: str
    description: str | None = None
    avatar_url: str | None = None
    settings: Mapping[str, Any]
    member_count: int
    role: Role
    created_by: UserId
    created_at: datetime
    updated_at: datetime

    @property
    def workspace(self) -> Workspace:
        """The workspace itself."""
        return Workspace(
            id=self.id,
            name=self.name,
            slug=self.slug,
            description=self.description,
            avatar_url=self.avatar_url,
            settings=self.settings,
            created_by=self.created_by,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


@attrs.frozen(kw_only=True)
class MemberList:
    """Members by their user id."""

    members: tuple[MemberCard, ...]
    has_more: bool
    next_cursor: UserId | None = None


@attrs.frozen(kw_only=True)
class TokenItem:
    """A token of a bot; without `scopes` it is for everything that its bot may do."""

    id: TokenId
    name: str
    scopes: tuple[TokenScope, ...] | None = None
    created_by: UserId | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@attrs.frozen(kw_only=True)
class TokenList:
    tokens: tuple[TokenItem, ...]


@attrs.frozen(kw_only=True)
class MadeToken:
    """`secret` is the token itself, shown this once."""

    token: TokenItem
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class PresenceList:
    presence: tuple[Presence, ...]


@attrs.frozen(kw_only=True)
class NewInvite:
    """An invite that was just made; `token` and `url` are shown this once."""

    id: InviteId
    token: str = attrs.field(repr=False)
    url: str = attrs.field(repr=False)
    role: Role
    expires_at: datetime | None = None
    max_uses: int | None = None


@attrs.frozen(kw_only=True)
class InviteItem:
    """An invite in the list."""

    id: InviteId
    role: Role
    created_by: UserId
    created_at: datetime
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int


@attrs.frozen(kw_only=True)
class InviteList:
    invites: tuple[InviteItem, ...]


@attrs.frozen(kw_only=True)
class AuditList:
    """Newest first."""

    entries: tuple[AuditEntry, ...]


# --- channels and messages -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ChannelItem:
    """A channel in the list. `member_ids` is given for direct messages only, where it is the title."""

    id: ChannelId
    name: str
    type: ChannelType
    description: str | None = None
    unread_count: int
    mention_count: int
    read_seq: int
    last_read_message_id: MessageId | None = None
    last_message: LastMessage | None = None
    is_huddle_active: bool
    joined: bool
    settings: Mapping[str, Any]
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    member_ids: tuple[UserId, ...] | None = None

    def channel(self, workspace_id: WorkspaceId) -> Channel:
        """The channel itself."""
        return Channel(
            id=self.id,
            workspace_id=workspace_id,
            name=self.name,
            type=self.type,
            description=self.description,
            settings=self.settings,
            created_by=self.created_by,
            created_at=self.created_at,
            updated_at=self.updated_at,
            archived_at=self.archived_at,
        )


@attrs.frozen(kw_only=True)
class ChannelList:
    """What the events up to `seq` made of the channels."""

    channels: tuple[ChannelItem, ...]
    epoch: str
    seq: int


@attrs.frozen(kw_only=True)
class ChannelView:
    """A channel with its members."""

    id: ChannelId
    workspace_id: WorkspaceId
    name: str
    type: ChannelType
    description: str | None = None
    settings: Mapping[str, Any]
    members: tuple[MemberCard, ...]
    created_at: datetime
    archived_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Found:
    """Messages that were searched for, newest first."""

    results: tuple[Message, ...]
    has_more: bool
    next_cursor: MessageId | None = None


@attrs.frozen(kw_only=True)
class PresetList:
    presets: tuple[EmojiPreset, ...]


@attrs.frozen(kw_only=True)
class CommandList:
    """By name."""

    commands: tuple[Command, ...]


# --- huddles -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SessionDescription:
    """RTCSessionDescriptionInit: `type` is `offer`, `answer`, `pranswer` or `rollback`."""

    type: str
    sdp: str


@attrs.frozen(kw_only=True)
class IceServer:
    """RTCIceServer."""

    urls: str
    username: str | None = None
    credential: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class HuddleParticipant:
    user_id: UserId
    display_name: str
    avatar_url: str | None = None
    joined_at: datetime
    is_speaking: bool
    muted: bool
    camera: bool
    sharing: bool
    hand_raised: bool
    devices: tuple[str, ...]


@attrs.frozen(kw_only=True)
class HuddleView:
    """A huddle and who is in it."""

    id: HuddleId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    title: str | None = None
    mode: HuddleMode
    topology: Topology
    status: HuddleStatus
    recorded_by: UserId | None = None
    participants: tuple[HuddleParticipant, ...]
    started_by: UserCard
    started_at: datetime
    ended_at: datetime | None = None


@attrs.frozen(kw_only=True)
class JoinedHuddle:
    """`answer` comes with huddles through the server."""

    answer: SessionDescription | None = None
    ice_servers: tuple[IceServer, ...]
    participants: tuple[HuddleParticipant, ...]
    topology: Topology
    device_id: str


@attrs.frozen(kw_only=True)
class Ringing:
    """Who is being rung."""

    ringing: tuple[UserId, ...]


@attrs.frozen(kw_only=True)
class IceServers:
    ice_servers: tuple[IceServer, ...]


@attrs.frozen(kw_only=True)
class LegStats:
    """One device's connection to the server. `in` is from the device; None: not known yet.

    Counts are totals since it joined; bits per second are over the last seconds.
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


# --- the server ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Health:
    """`status` is `ok`."""

    status: str
    version: str
