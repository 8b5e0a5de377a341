"""How a client's view follows the events: pure functions from (state, event) to state.

The SDK keeps its local state with it, and the tests hold the server to it: after every action,
`apply(stale state, events) == freshly read state`. What a client has not loaded (`messages`, `members` of a channel:
None) stays unloaded; events about it are counted, not stored. When a state cannot be brought forward (the person's role
changed from or to guest, or they left) it becomes `stale`: read afresh. Who has left the workspace is shown as they
were then, until they are back: what they change about themselves is no event here.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from chatcore import events
from chatcore.events import Event, ParticipantCard
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId
from chatcore.model import (
    Channel,
    ChannelType,
    MemberCard,
    Message,
    PresenceStatus,
    ReactionSummary,
    Role,
    Topology,
    UserCard,
    Workspace,
)
from chatcore.replacing import replaced


@attrs.frozen(kw_only=True)
class HuddleState:
    """A huddle that is going on."""

    id: HuddleId
    topology: Topology = Topology.MESH
    participants: Mapping[UserId, ParticipantCard] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ChannelState:
    """One channel as one person sees it. `messages` holds top-level messages and replies alike, by id.

    A channel that came into sight by an event has nothing loaded; that a huddle may be going on in it is said by
    `huddle_known` being false, until an event tells.
    """

    channel: Channel
    joined: bool = False
    read_seq: int = 0
    unread_count: int = 0
    mention_count: int = 0
    members: frozenset[UserId] | None = None
    messages: Mapping[MessageId, Message] | None = None
    huddle: HuddleState | None = None
    huddle_known: bool = True


@attrs.frozen(kw_only=True)
class State:
    """A workspace as one person sees it, at the event `seq`. Who is not in `presence` is offline.

    keeps_messages: whether a channel that comes into being counts as one whose messages are loaded. From then on all of
    them are kept, and copied with each that comes: for a moment, not for a program that runs for days.
    """

    user_id: UserId
    workspace: Workspace
    seq: int
    members: Mapping[UserId, MemberCard] = attrs.field(factory=dict)
    channels: Mapping[ChannelId, ChannelState] = attrs.field(factory=dict)
    presence: Mapping[UserId, PresenceStatus] = attrs.field(factory=dict)
    stale: bool = False
    keeps_messages: bool = False

    @property
    def role(self) -> Role | None:
        """The person's own role."""
        card = self.members.get(self.user_id)
        return None if card is None else card.role


def apply(state: State, event: Event) -> State:
    """The state after an event of this workspace.

    Durable events must come in `seq` order; one that is known changes nothing.
    """
    if event.seq and event.seq <= state.seq:
        return state
    changed = _apply(state, event)
    return replaced(changed, seq=event.seq) if event.seq else changed


def _apply(state: State, event: Event) -> State:
    match event:
        case events.MessageReceived(message=message):
            return _channel(state, message.channel_id, lambda it: _received(it, message, state))
        case events.MessageUpdated():
            return _channel(state, event.channel_id, lambda it: _edited(it, event))
        case events.MessageDeleted():
            return _channel(state, event.channel_id, lambda it: _deleted(it, event, state.user_id))
        case events.ReactionAdded() | events.ReactionRemoved():
            return _channel(state, event.channel_id, lambda it: _reacted(it, event))
        case events.ReadUpdated():
            return _channel(state, event.channel_id, lambda it: _read(it, event))
        case events.WorkspaceUpdated(workspace=workspace):
            return attrs.evolve(state, workspace=workspace)
        case events.PresenceUpdate(user_id=user_id, status=status):
            return _present(state, user_id, status)
        case events.MemberJoined() | events.MemberLeft() | events.MemberUpdated():
            return _membership(state, event)
        case _:
            return _channels(state, event)


# --- messages ------------------------------------------------------------------------------------------------------


def _with_present_face(state: State, message: Message) -> Message:
    """The message with its author's face of now: in an old event stands the one of then."""
    card = state.members.get(message.user_id)
    if card is None or message.user == _face(card):
        return message
    return attrs.evolve(message, user=_face(card))


def _face(card: MemberCard) -> UserCard:
    return UserCard(display_name=card.display_name, avatar_url=card.avatar_url)


def _received(it: ChannelState, message: Message, state: State) -> ChannelState:
    me = state.user_id
    mine, reply = message.user_id == me, message.thread_id is not None
    if it.joined and mine and not reply:
        it = replaced(it, read_seq=message.seq, unread_count=0, mention_count=0)
    elif it.joined and not mine:
        it = replaced(
            it,
            unread_count=it.unread_count + (not reply),
            mention_count=it.mention_count + (message.mentions_all or me in message.mentions),
        )
    if it.messages is None:
        return it
    shown = _with_present_face(state, message)
    return replaced(it, messages=_with_reply(it.messages, message.thread_id, 1) | {message.id: shown})


def _with_reply(messages: Mapping[MessageId, Message], root: MessageId | None, by: int) -> dict[MessageId, Message]:
    changed = dict(messages)
    if root is not None and root in changed:
        changed[root] = attrs.evolve(changed[root], thread_reply_count=changed[root].thread_reply_count + by)
    return changed


def _edited(it: ChannelState, event: events.MessageUpdated) -> ChannelState:
    return _message(
        it,
        event.message_id,
        content=event.content,
        mentions=event.mentions,
        mentions_all=event.mentions_all,
        edited_at=event.edited_at,
    )


def _deleted(it: ChannelState, event: events.MessageDeleted, me: UserId) -> ChannelState:
    if it.joined:
        unread = event.thread_id is None and event.message_seq > it.read_seq
        mentions = sum(
            mentioned.seq > it.read_seq
            and mentioned.author_id != me
            and (mentioned.everyone or me in mentioned.user_ids)
            for mentioned in event.mentioned
        )
        it = attrs.evolve(it, unread_count=it.unread_count - unread, mention_count=it.mention_count - mentions)
    if it.messages is None:
        return it
    rest = _with_reply(it.messages, event.thread_id, -1)
    gone = event.message_id
    return attrs.evolve(it, messages={id_: one for id_, one in rest.items() if id_ != gone and one.thread_id != gone})


def _reacted(it: ChannelState, event: events.ReactionAdded | events.ReactionRemoved) -> ChannelState:
    message = None if it.messages is None else it.messages.get(event.message_id)
    if message is None:
        return it
    users = {summary.emoji: summary.users for summary in message.reactions}
    others = tuple(user_id for user_id in users.get(event.emoji, ()) if user_id != event.user_id)
    users[event.emoji] = (*others, event.user_id) if isinstance(event, events.ReactionAdded) else others
    summaries = tuple(ReactionSummary(emoji=emoji, count=len(who), users=who) for emoji, who in users.items() if who)
    return _message(it, event.message_id, reactions=summaries)


def _read(it: ChannelState, event: events.ReadUpdated) -> ChannelState:
    return attrs.evolve(it, read_seq=event.read_seq, unread_count=event.unread_count, mention_count=event.mention_count)


def _message(it: ChannelState, message_id: MessageId, **changes: Any) -> ChannelState:
    if it.messages is None or message_id not in it.messages:
        return it
    changed = attrs.evolve(it.messages[message_id], **changes)
    return attrs.evolve(it, messages={**it.messages, message_id: changed})


# --- members -------------------------------------------------------------------------------------------------------


def _present(state: State, user_id: UserId, status: PresenceStatus) -> State:
    others = {id_: known for id_, known in state.presence.items() if id_ != user_id}
    member = state.members.get(user_id)
    here = status is not PresenceStatus.OFFLINE and member is not None and not member.deactivated
    return attrs.evolve(state, presence={**others, user_id: status} if here else others)


def _membership(state: State, event: Event) -> State:
    match event:
        case events.MemberJoined(member=member, channel=None):
            return _shown_as(state, member)
        case events.MemberJoined(member=member, channel=channel) if channel is not None:
            return _entered(state, channel, member, event.seq)
        case events.MemberLeft(user_id=user_id, channel_id=None):
            return _gone(state, user_id)
        case events.MemberLeft(user_id=user_id, channel_id=channel_id) if channel_id is not None:
            return _left(state, channel_id, user_id)
        case events.MemberUpdated(member=member):
            return _renamed(state, member)
    raise AssertionError(event)


def _entered(state: State, channel: Channel, member: MemberCard, seq: int) -> State:
    it = state.channels.get(channel.id) or ChannelState(channel=channel, huddle_known=False)
    if it.members is not None:
        it = attrs.evolve(it, members=it.members | {member.user_id})
    if member.user_id == state.user_id:
        it = attrs.evolve(it, joined=True, read_seq=seq, unread_count=0, mention_count=0)
    return attrs.evolve(state, channels={**state.channels, channel.id: it})


def _left(state: State, channel_id: ChannelId, user_id: UserId) -> State:
    it = state.channels.get(channel_id)
    if it is None:
        return state
    others = None if it.members is None else it.members - {user_id}
    if user_id != state.user_id:
        return _put(state, attrs.evolve(it, members=others))
    if it.channel.type is not ChannelType.PUBLIC or state.role is Role.GUEST:
        return _drop(state, channel_id)
    return _put(state, attrs.evolve(it, joined=False, read_seq=0, unread_count=0, mention_count=0, members=others))


def _gone(state: State, user_id: UserId) -> State:
    channels = {
        id_: attrs.evolve(it, members=None if it.members is None else it.members - {user_id})
        for id_, it in state.channels.items()
    }
    state = _present(state, user_id, PresenceStatus.OFFLINE)
    members = {id_: card for id_, card in state.members.items() if id_ != user_id}
    return attrs.evolve(state, members=members, channels=channels, stale=state.stale or user_id == state.user_id)


def _renamed(state: State, member: MemberCard) -> State:
    old = state.members.get(member.user_id)
    turned = (
        member.user_id == state.user_id and old is not None and (old.role is Role.GUEST) != (member.role is Role.GUEST)
    )
    if member.deactivated:
        state = _present(state, member.user_id, PresenceStatus.OFFLINE)
    closed = member.deactivated and member.user_id == state.user_id
    return attrs.evolve(_shown_as(state, member), stale=state.stale or turned or closed)


def _shown_as(state: State, member: MemberCard) -> State:
    """The state with this member, who looks so everywhere."""
    channels = {id_: _with_face(it, member) for id_, it in state.channels.items()}
    return attrs.evolve(state, members={**state.members, member.user_id: member}, channels=channels)


def _with_face(it: ChannelState, member: MemberCard) -> ChannelState:
    if it.messages is not None and any(one.user_id == member.user_id for one in it.messages.values()):
        messages = {
            id_: attrs.evolve(one, user=_face(member)) if one.user_id == member.user_id else one
            for id_, one in it.messages.items()
        }
        it = attrs.evolve(it, messages=messages)
    seat = None if it.huddle is None else it.huddle.participants.get(member.user_id)
    return it if seat is None else _seated(it, member.user_id, _participant(seat, member))


# --- channels and huddles ------------------------------------------------------------------------------------------


def _channels(state: State, event: Event) -> State:
    match event:
        case events.ChannelCreated(channel=channel, member_ids=member_ids):
            joined = state.user_id in member_ids
            return _put(
                state,
                ChannelState(
                    channel=channel,
                    joined=joined,
                    read_seq=event.seq if joined else 0,
                    members=frozenset(member_ids),
                    messages={} if state.keeps_messages else None,
                ),
            )
        case events.ChannelUpdated(channel=channel):
            it = state.channels.get(channel.id)
            fresh = ChannelState(channel=channel, huddle_known=False)
            return _put(state, fresh if it is None else attrs.evolve(it, channel=channel))
        case events.ChannelArchived(channel_id=channel_id, archived_at=at):
            return _channel(
                state,
                channel_id,
                lambda it: attrs.evolve(it, channel=attrs.evolve(it.channel, archived_at=at, updated_at=at)),
            )
        case events.ChannelHidden(channel_id=channel_id):
            return _drop(state, channel_id)
        case _:
            return _huddle(state, event)


def _huddle(state: State, event: Event) -> State:
    match event:
        case events.HuddleStarted(huddle=huddle):
            fresh = HuddleState(id=huddle.id, topology=huddle.topology)
            return _channel(state, huddle.channel_id, lambda it: attrs.evolve(it, huddle=fresh, huddle_known=True))
        case events.HuddleUpdated(channel_id=channel_id, huddle=huddle):
            return _channel(state, channel_id, lambda it: _rerouted(it, huddle.topology))
        case events.HuddleEnded(channel_id=channel_id):
            return _channel(state, channel_id, lambda it: attrs.evolve(it, huddle=None, huddle_known=True))
        case _:
            return _in_huddle(state, event)


def _in_huddle(state: State, event: Event) -> State:
    match event:
        case (
            events.HuddleUserJoined(channel_id=channel_id, user=card)
            | events.HuddleUserUpdated(channel_id=channel_id, user=card)
        ):
            seated = _participant(card, state.members.get(card.user_id))
            return _channel(state, channel_id, lambda it: _seated(it, card.user_id, seated))
        case events.HuddleUserLeft(channel_id=channel_id, user_id=user_id):
            return _channel(state, channel_id, lambda it: _seated(it, user_id, None))
        case _:
            return state


def _rerouted(it: ChannelState, topology: Topology) -> ChannelState:
    return it if it.huddle is None else attrs.evolve(it, huddle=attrs.evolve(it.huddle, topology=topology))


def _participant(card: ParticipantCard, member: MemberCard | None) -> ParticipantCard:
    """The participant with their face of now."""
    if member is None:
        return card
    return attrs.evolve(card, display_name=member.display_name, avatar_url=member.avatar_url)


def _seated(it: ChannelState, user_id: UserId, card: ParticipantCard | None) -> ChannelState:
    if it.huddle is None:
        return it
    seats = {id_: other for id_, other in it.huddle.participants.items() if id_ != user_id}
    if card is not None:
        seats[user_id] = card
    return attrs.evolve(it, huddle=attrs.evolve(it.huddle, participants=seats))


def _channel(state: State, channel_id: ChannelId, change: Any) -> State:
    it = state.channels.get(channel_id)
    return state if it is None else _put(state, change(it))


def _put(state: State, it: ChannelState) -> State:
    return replaced(state, channels={**state.channels, it.channel.id: it})


def _drop(state: State, channel_id: ChannelId) -> State:
    return attrs.evolve(state, channels={id_: it for id_, it in state.channels.items() if id_ != channel_id})
