"""The permission memory: who is a member of what, for the workspaces that this node works with.

It is read once from storage and then kept true by the same events that everybody gets, in their order; so a decision
costs
two dictionary look-ups, and a removal takes effect with the event that tells of it.
"""

from collections.abc import Iterator

import attrs

from chatcore import events, policy
from chatcore.events import Audience, Event, Scope
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.model import Channel, ChannelType, Role
from chatcore.ports import WorkspaceAccess

GENERAL = "general"


@attrs.define
class ChannelFacts:
    """What decides who may read a channel."""

    id: ChannelId
    workspace_id: WorkspaceId
    type: ChannelType
    archived: bool
    members: set[UserId]
    is_general: bool = False


class WorkspaceDirectory:
    """One workspace: its members' roles and its channels, as of the events applied so far."""

    def __init__(self, access: WorkspaceAccess) -> None:
        self.workspace_id = access.workspace_id
        self.members: dict[UserId, Role] = dict(access.roles)
        self.channels: dict[ChannelId, ChannelFacts] = {
            facts.id: ChannelFacts(
                facts.id, access.workspace_id, facts.type, facts.archived, set(facts.members), facts.is_general
            )
            for facts in access.channels
        }
        self.version = 0
        """Rises with every change that can change who may receive what."""

    def role(self, user_id: UserId) -> Role | None:
        """The person's role; None when they are no member or their account is deactivated."""
        return self.members.get(user_id)

    def may_read(self, user_id: UserId, channel_id: ChannelId) -> bool:
        """Whether the channel exists for this person."""
        facts = self.channels.get(channel_id)
        return facts is not None and policy.may_read(self.role(user_id), facts.type, user_id in facts.members)

    def may_receive(self, user_id: UserId, audience: Audience) -> bool:
        """Whether an event for this audience goes to this person."""
        if audience.scope is Scope.USER:
            return audience.user_id == user_id and (
                audience.channel_id is None or self.may_read(user_id, audience.channel_id)
            )
        if audience.user_id is not None and audience.user_id == user_id:
            return True
        role = self.members.get(user_id)
        if role is None:
            return False
        if audience.scope is Scope.WORKSPACE:
            return True
        assert audience.channel_id is not None
        readable = self.may_read(user_id, audience.channel_id)
        return readable if audience.scope is Scope.CHANNEL else not readable and role is not Role.GUEST

    def readable(self, user_id: UserId) -> Iterator[ChannelId]:
        """The channels that exist for this person."""
        return (channel_id for channel_id in self.channels if self.may_read(user_id, channel_id))

    def share_channel(self, one: UserId, other: UserId) -> bool:
        """Whether two people meet in some channel."""
        return any(one in facts.members and other in facts.members for facts in self.channels.values())

    # --- following the events --------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Follow an event of this workspace; call it in `seq` order, once each."""
        match event:
            case events.MemberJoined(member=member, channel=None):
                self.members[member.user_id] = member.role
            case events.MemberJoined(member=member, channel=channel) if channel is not None:
                self._put(channel).members.add(member.user_id)
            case events.MemberLeft(user_id=user_id, channel_id=channel_id):
                self._leave(user_id, channel_id)
            case events.MemberUpdated(member=member) if member.deactivated:
                self.members.pop(member.user_id, None)
            case events.MemberUpdated(member=member):
                self.members[member.user_id] = member.role
            case events.ChannelCreated(channel=channel, member_ids=member_ids):
                self._put(channel).members.update(member_ids)
            case events.ChannelUpdated(channel=channel):
                self._put(channel)
            case events.ChannelArchived(channel_id=channel_id):
                self.channels[channel_id].archived = True
            case _:
                return
        self.version += 1

    def _leave(self, user_id: UserId, channel_id: ChannelId | None) -> None:
        if channel_id is None:
            self.members.pop(user_id, None)
        for facts in self.channels.values():
            if channel_id in (None, facts.id):
                facts.members.discard(user_id)

    def _put(self, channel: Channel) -> ChannelFacts:
        facts = self.channels.get(channel.id)
        if facts is None:
            facts = ChannelFacts(channel.id, self.workspace_id, channel.type, False, set(), is_general(channel))
            self.channels[channel.id] = facts
        facts.type = channel.type
        facts.archived = channel.archived_at is not None
        return facts


def is_general(channel: Channel) -> bool:
    """Whether this is the channel that every member of its workspace is in."""
    return channel.name == GENERAL and channel.type is not ChannelType.DIRECT


ACCESS_EVENTS = frozenset(
    cls.type
    for cls in (
        events.MemberJoined,
        events.MemberLeft,
        events.MemberUpdated,
        events.ChannelCreated,
        events.ChannelUpdated,
        events.ChannelArchived,
    )
)
"""The types that `WorkspaceDirectory.apply` follows: a batch is cut before each, so that the directory never runs
ahead.
"""
