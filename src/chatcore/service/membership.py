"""Joining and leaving, as steps inside a transaction: used by every service through which somebody comes or goes."""

from datetime import datetime

from chatcore.errors import NotFound
from chatcore.events import ChannelCreated, MemberJoined, MemberLeft
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Channel, ChannelMember, Member, Role, User
from chatcore.ports import Tx
from chatcore.service import huddle_steps
from chatcore.service.core import member_card
from chatcore.service.directory import GENERAL
from chatcore.service.facts import Facts


async def join_workspace(
    tx: Tx,
    facts: Facts,
    workspace_id: WorkspaceId,
    user: User,
    role: Role,
    now: datetime,
    invited_by: UserId | None = None,
) -> bool:
    """Make the user a member, and a member of the general channel; False when they were one already."""
    if await tx.members.get(workspace_id, user.id) is not None:
        return False
    member = Member(workspace_id=workspace_id, user_id=user.id, role=role, joined_at=now, invited_by=invited_by)
    await tx.members.insert(member)
    await tx.events.append(MemberJoined(workspace_id=workspace_id, member=member_card(user, member)))
    facts.did("member_joined", member=member, channel=None)
    general = await tx.channels.by_name(workspace_id, GENERAL)
    if general is not None:
        await join_channel(tx, facts, general, user, member, now)
    return True


async def join_channel(tx: Tx, facts: Facts, channel: Channel, user: User, member: Member, now: datetime) -> bool:
    """Make a member of the workspace a member of the channel, for whom nothing in it is unread; False when they were
    in.
    """
    if await tx.channel_members.get(channel.id, user.id) is not None:
        return False
    seq = await tx.events.append(
        MemberJoined(workspace_id=channel.workspace_id, member=member_card(user, member), channel=channel)
    )
    await tx.channel_members.join(ChannelMember(channel_id=channel.id, user_id=user.id, joined_at=now), seq)
    facts.did("member_joined", member=member, channel=channel)
    return True


async def leave_channel(tx: Tx, facts: Facts, channel: Channel, user_id: UserId, now: datetime) -> bool:
    """Take somebody out of a channel, and of its huddle; False when they were not in."""
    if not await tx.channel_members.delete(channel.id, user_id):
        return False
    await huddle_steps.leave_all(tx, facts, channel.workspace_id, user_id, now, channel_id=channel.id)
    await tx.events.append(MemberLeft(workspace_id=channel.workspace_id, user_id=user_id, channel_id=channel.id))
    facts.did("member_left", workspace_id=channel.workspace_id, user_id=user_id, channel_id=channel.id)
    return True


async def leave_workspace(tx: Tx, facts: Facts, workspace_id: WorkspaceId, user_id: UserId, now: datetime) -> bool:
    """Take somebody out of the workspace, its channels and its huddles; False when they were no member."""
    if await tx.members.get(workspace_id, user_id) is None:
        return False
    await huddle_steps.leave_all(tx, facts, workspace_id, user_id, now)
    await tx.members.delete(workspace_id, user_id)
    await tx.events.append(MemberLeft(workspace_id=workspace_id, user_id=user_id))
    facts.did("member_left", workspace_id=workspace_id, user_id=user_id, channel_id=None)
    return True


async def existing_member(tx: Tx, workspace_id: WorkspaceId, user_id: UserId) -> tuple[User, Member]:
    """A member and their account. Raises NotFound."""
    member = await tx.members.get(workspace_id, user_id)
    user = await tx.users.get(user_id)
    if member is None or user is None:
        raise NotFound.of("member")
    return user, member


async def new_channel(tx: Tx, facts: Facts, channel: Channel, members: tuple[UserId, ...], now: datetime) -> None:
    """Store a channel with its first members. Raises Duplicate when the name is taken, NotFound when somebody who was
    a member of the workspace a moment ago is none any more.
    """
    for user_id in members:
        await existing_member(tx, channel.workspace_id, user_id)
    await tx.channels.insert(channel)
    seq = await tx.events.append(ChannelCreated(workspace_id=channel.workspace_id, channel=channel, member_ids=members))
    for user_id in members:
        await tx.channel_members.join(ChannelMember(channel_id=channel.id, user_id=user_id, joined_at=now), seq)
    facts.did("channel_created", channel=channel)
