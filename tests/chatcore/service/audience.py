"""Who should receive an event, worked out from the rows as they are stored, without asking the product's own code."""

from collections.abc import Callable

import attrs

from chatcore import events
from chatcore.chat import Chat
from chatcore.events import Event
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.ports import Tx


@attrs.frozen(kw_only=True)
class Rows:
    """What the tables say at one moment: the roles of those who are members and whose account is active; the channels'
    types; who is in which channel.
    """

    roles: dict[UserId, str]
    types: dict[ChannelId, str]
    joined: dict[ChannelId, frozenset[UserId]]

    def readers(self, channel_id: ChannelId) -> set[UserId]:
        """Who can read a channel: its members; if it is public, everybody but guests. Never who is no member here."""
        inside = self.joined[channel_id] & self.roles.keys()
        if self.types[channel_id] != "public":
            return set(inside)
        return set(inside) | {user_id for user_id, role in self.roles.items() if role != "guest"}

    def readable(self, user_id: UserId) -> set[ChannelId]:
        """The channels that a person can read."""
        return {channel_id for channel_id in self.types if user_id in self.readers(channel_id)}


async def read_rows(chat: Chat, workspace_id: WorkspaceId) -> Rows:
    """The rows as they are now."""

    async def work(tx: Tx) -> Rows:
        roles: dict[UserId, str] = {}
        for member in await tx.members.find(workspace_id=workspace_id):
            user = await tx.users.get(member.user_id)
            if user is not None and user.deactivated_at is None:
                roles[member.user_id] = member.role.value
        channels = await tx.channels.find(workspace_id=workspace_id)
        return Rows(
            roles=roles,
            types={channel.id: channel.type.value for channel in channels},
            joined={
                channel.id: frozenset(row.user_id for row in await tx.channel_members.find(channel_id=channel.id))
                for channel in channels
            },
        )

    return await chat.storage.read(work)


Rule = Callable[[Event, Rows], set[UserId]]


def _readers(event: Event, rows: Rows) -> set[UserId]:
    return rows.readers(channel_of(event))


def _members(_: Event, rows: Rows) -> set[UserId]:
    return set(rows.roles)


def _owner(event: Event, rows: Rows) -> set[UserId]:
    assert isinstance(event, events.ReadUpdated)
    return {event.user_id} & rows.readers(event.channel_id)


def _target(event: Event, rows: Rows) -> set[UserId]:
    assert isinstance(event, events.HuddleSignal | events.HuddleSpeaking)
    return {event.to_user_id} & rows.readers(event.channel_id)


def _outsiders(event: Event, rows: Rows) -> set[UserId]:
    """Those who could see the channel while it was public, and cannot now."""
    assert isinstance(event, events.ChannelHidden)
    public = {user_id for user_id, role in rows.roles.items() if role != "guest"}
    return public - rows.readers(event.channel_id)


def _joined(event: Event, rows: Rows) -> set[UserId]:
    assert isinstance(event, events.MemberJoined)
    return set(rows.roles) if event.channel is None else rows.readers(event.channel.id)


def _left(event: Event, rows: Rows) -> set[UserId]:
    """And who left: it is the last that they hear."""
    assert isinstance(event, events.MemberLeft)
    others = set(rows.roles) if event.channel_id is None else rows.readers(event.channel_id)
    return others | {event.user_id}


def _changed(event: Event, rows: Rows) -> set[UserId]:
    """And the member themself: of the closing of their account it is the last that they hear."""
    assert isinstance(event, events.MemberUpdated)
    return set(rows.roles) | {event.member.user_id}


AUDIENCES: dict[type[Event], Rule] = {
    events.MessageReceived: _readers,
    events.MessageUpdated: _readers,
    events.MessageDeleted: _readers,
    events.ReactionAdded: _readers,
    events.ReactionRemoved: _readers,
    events.ReadUpdated: _owner,
    events.ChannelCreated: _readers,
    events.ChannelUpdated: _readers,
    events.ChannelArchived: _readers,
    events.ChannelHidden: _outsiders,
    events.MemberJoined: _joined,
    events.MemberLeft: _left,
    events.MemberUpdated: _changed,
    events.WorkspaceUpdated: _members,
    events.HuddleStarted: _readers,
    events.HuddleUserJoined: _readers,
    events.HuddleUserLeft: _readers,
    events.HuddleUserUpdated: _readers,
    events.HuddleUpdated: _readers,
    events.HuddleEnded: _readers,
    events.Typing: _readers,
    events.PresenceUpdate: _members,
    events.HuddleSignal: _target,
    events.HuddleSpeaking: _target,
    events.HuddleRejoin: _readers,
    events.HuddleRing: _readers,
}

ACCESS = (
    events.ChannelCreated,
    events.ChannelUpdated,
    events.MemberJoined,
    events.MemberLeft,
    events.MemberUpdated,
)
"""Events of changes by which others may receive what follows."""


def channel_of(event: Event) -> ChannelId:
    """The channel that an event is about."""
    match event:
        case events.MessageReceived(message=message):
            return message.channel_id
        case events.HuddleStarted(huddle=huddle):
            return huddle.channel_id
        case events.ChannelCreated(channel=channel) | events.ChannelUpdated(channel=channel):
            return channel.id
    channel_id: ChannelId = event.channel_id  # type: ignore[attr-defined]  # all others that are about a channel
    return channel_id


def expected_receivers(heard: list[Event], before: Rows, after: Rows) -> list[set[UserId]]:
    """For each event of one action, in order, who should have received it.

    What was said before the membership changed is judged by the rows as they were, from then on as they are.
    """
    found = []
    rows = before
    for event in heard:
        if isinstance(event, ACCESS):
            rows = after
        found.append(AUDIENCES[type(event)](event, rows))
    return found
