"""Channels and direct messages."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import attrs

from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model import ChannelSummary, ChannelType, LastMessage, MemberCard, ReadState, TokenScope
from chatcore.service.core import KEEP
from chatserver.fields import ABSENT, ChannelName, Description, Items, Settings, Slug, UserIds
from chatserver.parts import Call
from chatserver.route import route

DirectMembers = Annotated[tuple[UserId, ...], Items(1, 9)]


class NamedType(StrEnum):
    """The types of channels that are made by name."""

    PUBLIC = "public"
    PRIVATE = "private"


@attrs.frozen(kw_only=True)
class ChannelItem:
    """A channel in the list.

    `mentionCount` counts unread messages that mention the caller; `readSeq` is their read marker.

    `memberIds` is given for direct messages only, where it is the title.
    """

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

    @classmethod
    def of(cls, summary: ChannelSummary, *, with_message: bool) -> "ChannelItem":
        channel, read = summary.channel, summary.read
        return cls(
            id=channel.id,
            name=channel.name,
            type=channel.type,
            description=channel.description,
            unread_count=read.unread_count,
            mention_count=read.mention_count,
            read_seq=read.read_seq,
            last_read_message_id=read.message_id,
            last_message=summary.last_message if with_message else None,
            is_huddle_active=summary.is_huddle_active,
            joined=summary.joined,
            settings=channel.settings,
            created_by=channel.created_by,
            created_at=channel.created_at,
            updated_at=channel.updated_at,
            archived_at=channel.archived_at,
            member_ids=summary.members or None,
        )


@attrs.frozen(kw_only=True)
class ChannelListResponse:
    """What the events up to `seq` made of the channels: a client that follows the events goes on behind it, and one
    that joins the workspace later gives `{epoch, seq}` as its `since`."""

    channels: tuple[ChannelItem, ...]
    epoch: str
    seq: int


@attrs.frozen(kw_only=True)
class CreateChannelRequest:
    """`members` are added beside the caller."""

    name: ChannelName
    type: NamedType
    description: Description | None = None
    members: UserIds = ()


@attrs.frozen(kw_only=True)
class UpdateChannelRequest:
    """What is not named stays as it is; `archived: false` takes the channel out of the archive."""

    name: ChannelName = ABSENT
    description: Description | None = ABSENT
    type: NamedType = ABSENT
    settings: Settings = ABSENT
    archived: bool = ABSENT


@attrs.frozen(kw_only=True)
class OpenDirectRequest:
    """The people to write to; the caller may be among them or not."""

    user_ids: DirectMembers


@attrs.frozen(kw_only=True)
class ReadRequest:
    message_id: MessageId


@attrs.frozen(kw_only=True)
class ChannelResponse:
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


async def shown(call: Call, channel_id: ChannelId) -> ChannelResponse:
    """The channel as the caller sees it now."""
    view = await call.chat.channels.get(channel_id, actor=call.actor)
    channel = view.channel
    return ChannelResponse(
        id=channel.id,
        workspace_id=channel.workspace_id,
        name=channel.name,
        type=channel.type,
        description=channel.description,
        settings=channel.settings,
        members=view.members,
        created_at=channel.created_at,
        archived_at=channel.archived_at,
    )


async def list_channels(call: Call, slug: Slug) -> ChannelListResponse:
    """Every channel that exists for the caller, with what is unread in it, by name.

    A token that may not read messages is not shown the last ones.
    """
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    listing = await call.chat.channels.listing(workspace_id, actor=call.actor)
    readable = call.me.may(TokenScope.MESSAGES_READ)
    return ChannelListResponse(
        channels=tuple(ChannelItem.of(summary, with_message=readable) for summary in listing.channels),
        epoch=listing.position.epoch,
        seq=listing.position.seq,
    )


async def create_channel(call: Call, slug: Slug, body: CreateChannelRequest) -> ChannelResponse:
    """Create a public or private channel; the caller is in it."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    channel = await call.chat.channels.create(
        workspace_id,
        name=body.name,
        actor=call.actor,
        type=ChannelType(body.type),
        description=body.description,
        members=body.members,
    )
    return await shown(call, channel.id)


async def get_channel(call: Call, channel_id: ChannelId) -> ChannelResponse:
    """One channel."""
    return await shown(call, channel_id)


async def update_channel(call: Call, channel_id: ChannelId, body: UpdateChannelRequest) -> ChannelResponse:
    """Change a channel.

    Everyone in it may describe it; name, type, settings and the archive are for owners, admins and its creator.
    """
    await call.chat.channels.update(
        channel_id,
        actor=call.actor,
        name=body.name,
        description=body.description,
        type=KEEP if body.type is ABSENT else ChannelType(body.type),
        settings=body.settings,
        archived=body.archived,
    )
    return await shown(call, channel_id)


async def archive_channel(call: Call, channel_id: ChannelId) -> ChannelResponse:
    """Close a channel: it can be read, not written to."""
    await call.chat.channels.archive(channel_id, actor=call.actor)
    return await shown(call, channel_id)


async def join_channel(call: Call, channel_id: ChannelId) -> ChannelResponse:
    """Join a public channel."""
    await call.chat.channels.join(channel_id, actor=call.actor)
    return await shown(call, channel_id)


async def leave_channel(call: Call, channel_id: ChannelId) -> None:
    """Leave a channel."""
    await call.chat.channels.leave(channel_id, actor=call.actor)


async def add_channel_member(call: Call, channel_id: ChannelId, user_id: UserId) -> None:
    """Bring a member of the workspace into a channel."""
    await call.chat.channels.add_member(channel_id, user_id, actor=call.actor)


async def remove_channel_member(call: Call, channel_id: ChannelId, user_id: UserId) -> None:
    """Take somebody out of a channel; for staff and its creator."""
    await call.chat.channels.remove_member(channel_id, user_id, actor=call.actor)


async def open_direct(call: Call, slug: Slug, body: OpenDirectRequest) -> ChannelResponse:
    """Open a direct message between 2 to 9 people; the same people get the same channel (200 when it was there)."""
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    channel, created = await call.chat.channels.direct(workspace_id, body.user_ids, actor=call.actor)
    call.status = 201 if created else 200
    return await shown(call, channel.id)


async def mark_read(call: Call, channel_id: ChannelId, body: ReadRequest) -> ReadState:
    """Move the caller's read marker to a message of the channel."""
    return await call.chat.reads.mark(channel_id, body.message_id, actor=call.actor)


READ = TokenScope.CHANNELS_READ
WRITE = TokenScope.CHANNELS_WRITE

ROUTES = (
    route("GET", "/api/workspaces/:slug/channels", list_channels, needs=READ),
    route("POST", "/api/workspaces/:slug/channels", create_channel, needs=WRITE, status=201, errors=(409, 422)),
    route("POST", "/api/workspaces/:slug/directs", open_direct, needs=WRITE, status=201, also=(200,)),
    route("GET", "/api/channels/:channelId", get_channel, needs=READ),
    route("PATCH", "/api/channels/:channelId", update_channel, needs=WRITE, errors=(409, 422)),
    route("POST", "/api/channels/:channelId/archive", archive_channel, needs=WRITE),
    route("POST", "/api/channels/:channelId/join", join_channel, needs=WRITE),
    route("POST", "/api/channels/:channelId/leave", leave_channel, needs=WRITE, status=204),
    route("PUT", "/api/channels/:channelId/members/:userId", add_channel_member, needs=WRITE, status=204),
    route("DELETE", "/api/channels/:channelId/members/:userId", remove_channel_member, needs=WRITE, status=204),
    route("PUT", "/api/channels/:channelId/read", mark_read, needs=TokenScope.MESSAGES_READ),
)
