"""The oracle of clients: a state that follows the events must be the state that one would read afresh.

    fresh = await read_state(chat, user, workspace)
    assert differences(followed, fresh) == []

`followed` is any earlier state with `chatcore.state.apply` for every event that the user has received since. The same
comparison serves for a client's own state: read afresh by whatever means, and compare.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from chatcore.chat import Chat
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import (
    ChannelSummary,
    MemberCard,
    Message,
    PresenceStatus,
    ReactionSummary,
    UserCard,
    Workspace,
)
from chatcore.service.core import UserRef, WorkspaceRef, id_of
from chatcore.service.messages import MAX_PAGE
from chatcore.state import ChannelState, HuddleState, State


@attrs.frozen(kw_only=True)
class Contents:
    """What a channel shows to everybody who may read it."""

    members: frozenset[UserId]
    messages: Mapping[MessageId, Message]
    huddle: HuddleState | None


@attrs.define
class Shared:
    """What was read already and is the same for everybody who may see it. Good while nothing happens."""

    workspace: Workspace | None = None
    members: dict[UserId, MemberCard] | None = None
    presence: dict[UserId, PresenceStatus] | None = None
    contents: dict[ChannelId, Contents] = attrs.field(factory=dict)


async def read_state(chat: Chat, user: UserRef, workspace: WorkspaceRef, *, shared: Shared | None = None) -> State:
    """The user's state, everything loaded, read through the services. Nothing may change meanwhile.

    A round over many users costs little more than one reading when they are given the same `shared`. Raises NotFound
    for who is no member.
    """
    user_id: UserId = id_of(user)
    shared = shared or Shared()
    position = await chat.hub.position(id_of(workspace))
    if shared.workspace is None:
        shared.workspace = (await chat.workspaces.get(workspace, actor=user_id)).workspace
    if shared.members is None:
        shared.members = {card.user_id: card for card in await read_members(chat, user_id, workspace)}
    if shared.presence is None:
        shared.presence = await read_presence(chat, user_id, workspace)
    channels: dict[ChannelId, ChannelState] = {}
    for summary in await chat.channels.list(workspace, actor=user_id):
        channel_id = summary.channel.id
        if channel_id not in shared.contents:
            shared.contents[channel_id] = await read_contents(chat, user_id, summary)
        channels[channel_id] = _channel_state(summary, shared.contents[channel_id])
    assert await chat.hub.position(id_of(workspace)) == position, "the workspace changed while its state was read"
    return State(
        user_id=user_id,
        workspace=shared.workspace,
        seq=position.seq,
        members=shared.members,
        channels=channels,
        presence=shared.presence,
        keeps_messages=True,
    )


def _channel_state(summary: ChannelSummary, contents: Contents) -> ChannelState:
    return ChannelState(
        channel=summary.channel,
        joined=summary.joined,
        read_seq=summary.read.read_seq,
        unread_count=summary.read.unread_count,
        mention_count=summary.read.mention_count,
        members=contents.members,
        messages=contents.messages,
        huddle=contents.huddle,
    )


async def read_contents(chat: Chat, user_id: UserId, summary: ChannelSummary) -> Contents:
    """What one user can read of a channel: its members, all messages and replies, its huddle."""
    channel_id = summary.channel.id
    view = await chat.channels.get(channel_id, actor=user_id)
    return Contents(
        members=frozenset(card.user_id for card in view.members),
        messages={message.id: message for message in await read_messages(chat, user_id, channel_id)},
        huddle=await read_huddle(chat, user_id, channel_id) if summary.is_huddle_active else None,
    )


async def read_huddle(chat: Chat, user_id: UserId, channel_id: ChannelId) -> HuddleState | None:
    """The huddle that is going on in a channel."""
    active = await chat.huddles.active(channel_id, actor=user_id)
    if active is None:
        return None
    seated = {card.user_id: card for card in active.participants}
    return HuddleState(id=active.huddle.id, topology=active.huddle.topology, participants=seated)


async def read_messages(chat: Chat, user_id: UserId, channel_id: ChannelId) -> list[Message]:
    """All messages of a channel, replies among them."""
    found: list[Message] = []
    before: MessageId | None = None
    while True:
        page = await chat.messages.history(channel_id, actor=user_id, before=before, limit=MAX_PAGE)
        for message in page.messages:
            found.append(message)
            if message.thread_reply_count:
                found += await read_replies(chat, user_id, message)
        before = page.next_cursor
        if not page.has_more:
            return found


async def read_replies(chat: Chat, user_id: UserId, root: Message) -> list[Message]:
    """All replies of a thread."""
    found: list[Message] = []
    after: MessageId | None = None
    while True:
        page = await chat.messages.thread(root, actor=user_id, after=after, limit=MAX_PAGE)
        found += page.messages
        after = page.next_cursor
        if not page.has_more:
            return found


async def read_presence(chat: Chat, user_id: UserId, workspace: WorkspaceRef) -> dict[UserId, PresenceStatus]:
    """Who is not offline."""
    known = await chat.presence.list(workspace, actor=user_id)
    return {one.user_id: one.status for one in known if one.status is not PresenceStatus.OFFLINE}


async def read_members(chat: Chat, user_id: UserId, workspace: WorkspaceRef) -> list[MemberCard]:
    """All members of a workspace."""
    found: list[MemberCard] = []
    while True:
        after = found[-1].user_id if found else None
        page = await chat.members.list(workspace, actor=user_id, after=after, limit=MAX_PAGE)
        found += page
        if len(page) < MAX_PAGE:
            return found


# --- comparing -----------------------------------------------------------------------------------------------------


def differences(followed: State, fresh: State) -> list[str]:
    """What the followed state has otherwise than the fresh one, in words; nothing when it holds.

    What it has not loaded is not compared; nor is the order of the reactions to one message, and the faces of those who
    have left the workspace.
    """
    return list(_differences(followed, fresh))


def _differences(followed: State, fresh: State) -> Iterator[str]:
    if followed.seq > fresh.seq:
        yield f"seq: {followed.seq} is ahead of {fresh.seq}"
    yield from _fields("workspace", followed.workspace, fresh.workspace)
    yield from _mapping("member", followed.members, fresh.members)
    yield from _mapping("presence of", followed.presence, fresh.presence)
    yield from _keys("channel", followed.channels, fresh.channels)
    for channel_id, it in followed.channels.items():
        other = fresh.channels.get(channel_id)
        if other is not None:
            yield from _channel(f"channel {other.channel.name}", it, other, fresh.members)


def _channel(name: str, it: ChannelState, other: ChannelState, members: Mapping[UserId, MemberCard]) -> Iterator[str]:
    yield from _fields(f"{name}:", it.channel, other.channel)
    for field in ("joined", "read_seq", "unread_count", "mention_count"):
        yield from _value(f"{name}: {field}", getattr(it, field), getattr(other, field))
    if it.members is not None:
        yield from _value(f"{name}: members", sorted(it.members), sorted(other.members or ()))
    if it.messages is not None:
        followed, fresh = _comparable(it.messages, members), _comparable(other.messages or {}, members)
        yield from _mapping(f"{name}: message", followed, fresh)
    if it.huddle_known:
        yield from _value(f"{name}: huddle", it.huddle, other.huddle)


def _comparable(
    messages: Mapping[MessageId, Message], members: Mapping[UserId, MemberCard]
) -> dict[MessageId, Message]:
    def emoji(summary: ReactionSummary) -> str:
        return summary.emoji

    found = dict(messages)
    for id_, message in messages.items():
        if len(message.reactions) > 1:
            message = attrs.evolve(message, reactions=tuple(sorted(message.reactions, key=emoji)))
        if message.user_id not in members:
            message = attrs.evolve(message, user=UserCard(display_name="left"))
        found[id_] = message
    return found


def _mapping(name: str, followed: Mapping[Any, Any], fresh: Mapping[Any, Any]) -> Iterator[str]:
    yield from _keys(name, followed, fresh)
    for key in followed.keys() & fresh.keys():
        yield from _fields(f"{name} {key}:", followed[key], fresh[key])


def _keys(name: str, followed: Mapping[Any, Any], fresh: Mapping[Any, Any]) -> Iterator[str]:
    for key in followed.keys() - fresh.keys():
        yield f"{name} {key} should not be there: {followed[key]}"
    for key in fresh.keys() - followed.keys():
        yield f"{name} {key} is missing: {fresh[key]}"


def _fields(name: str, followed: Any, fresh: Any) -> Iterator[str]:
    if followed == fresh or not attrs.has(type(fresh)):
        yield from _value(name, followed, fresh)
        return
    for field in attrs.fields(type(fresh)):
        yield from _value(f"{name} {field.name}", getattr(followed, field.name), getattr(fresh, field.name))


def _value(name: str, followed: Any, fresh: Any) -> Iterator[str]:
    if followed != fresh:
        yield f"{name}: followed {followed!r}, fresh {fresh!r}"
