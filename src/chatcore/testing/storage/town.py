"""A small town to try a storage with: one workspace, some people, one channel that all of them are in."""

from collections.abc import Sequence
from typing import Any

import attrs

from chatcore.events import ChannelCreated, MemberJoined
from chatcore.ids import MessageId, UserId
from chatcore.model import (
    Channel,
    ChannelMember,
    Member,
    MemberCard,
    Message,
    MessagePage,
    ReadState,
    Role,
    User,
    Workspace,
)
from chatcore.ports import Deletion, Envelope, Posted, Storage, Tx
from chatcore.testing.clock import START
from chatcore.testing.values import make_channel, make_post, make_user, make_workspace


@attrs.define
class Town:
    """`heard` are the envelopes of all commits since the town was founded, in order."""

    storage: Storage
    workspace: Workspace
    people: list[User]
    channel: Channel
    heard: list[Envelope] = attrs.field(factory=list)

    @property
    def ann(self) -> User:
        return self.people[0]

    @property
    def ben(self) -> User:
        return self.people[1]

    @property
    def cleo(self) -> User:
        return self.people[2]

    async def send(
        self, author: User, content: str = "Hello", *, channel: Channel | None = None, **fields: Any
    ) -> Posted:
        """Post a message; `fields` are those of the message, and `attachment_ids`."""
        return await self.storage.post(make_post(channel or self.channel, author, content, **fields))

    async def say(self, author: User, content: str = "Hello", **fields: Any) -> Message:
        """The message as it was sent."""
        return (await self.send(author, content, **fields)).message

    async def state(self, person: User, channel: Channel | None = None) -> ReadState | None:
        """The person's read state."""
        channel_id = (channel or self.channel).id
        return await self.storage.read(lambda tx: tx.reads.get(channel_id, person.id))

    async def counts(self, person: User, channel: Channel | None = None) -> tuple[int, int]:
        """How many messages and how many mentions are unread to the person."""
        state = await self.state(person, channel)
        assert state is not None
        return state.unread_count, state.mention_count

    async def page(self, channel: Channel | None = None, **options: Any) -> MessagePage:
        """A page of the channel: `before`, `after` and `limit` as in the port."""
        channel_id = (channel or self.channel).id
        values: dict[str, Any] = {"before": None, "after": None, "limit": 100} | options
        return await self.storage.read(lambda tx: tx.messages.page(channel_id, **values))

    async def delete(self, message_id: MessageId) -> Deletion:
        """Delete a message."""
        return await self.storage.write(lambda tx: tx.messages.delete(message_id))

    async def mark(self, person: User, message_id: MessageId) -> ReadState | None:
        """Move the person's marker in the channel."""
        return await self.storage.write(lambda tx: tx.reads.move(self.channel.id, person.id, message_id))

    async def log(self, seq: int = 0, limit: int = 10_000) -> list[Envelope]:
        """The events after `seq`."""
        return await self.storage.read(lambda tx: tx.events.since(self.workspace.id, seq, limit=limit))

    async def open_channel(self, name: str, *members: User, **fields: Any) -> Channel:
        """One more channel."""
        channel = make_channel(self.workspace, name, **fields)
        await self.storage.write(lambda tx: add_channel(tx, channel, members))
        return channel


async def found_town(storage: Storage, people: int = 3) -> Town:
    """Found a town in a storage."""
    users = [make_user(name) for name in ("Ann", "Ben", "Cleo", *(f"Extra {n}" for n in range(people)))[:people]]
    workspace = make_workspace(users[0].id)
    channel = make_channel(workspace, "general")

    async def work(tx: Tx) -> None:
        for user in users:
            await tx.users.insert(user)
        await tx.workspaces.insert(workspace)
        for user in users:
            await add_member(tx, workspace, user)
        await add_channel(tx, channel, users)

    await storage.write(work)
    town = Town(storage, workspace, users, channel)
    storage.on_commit(town.heard.extend)
    return town


async def add_member(tx: Tx, workspace: Workspace, user: User) -> None:
    """Make somebody a member of the workspace, with its event."""
    role = Role.OWNER if user.id == workspace.created_by else Role.MEMBER
    await tx.members.insert(Member(workspace_id=workspace.id, user_id=user.id, role=role, joined_at=START))
    card = MemberCard(user_id=user.id, display_name=user.display_name, role=role)
    await tx.events.append(MemberJoined(workspace_id=workspace.id, member=card))


async def add_channel(tx: Tx, channel: Channel, members: Sequence[User]) -> None:
    """Store a channel with its members, and its event."""
    await tx.channels.insert(channel)
    ids = tuple(UserId(user.id) for user in members)
    seq = await tx.events.append(ChannelCreated(workspace_id=channel.workspace_id, channel=channel, member_ids=ids))
    for user_id in ids:
        await tx.channel_members.join(ChannelMember(channel_id=channel.id, user_id=user_id, joined_at=START), seq)
