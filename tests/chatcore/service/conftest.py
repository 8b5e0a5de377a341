"""A small team in a chat in memory, and what was stored about it."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.config import Config
from chatcore.events import Event
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Channel, ChannelType, Message, Role, User, Workspace
from chatcore.ports import Tx
from chatcore.testing.clock import FakeClock

CHEAP = Config(database_url="memory:", bcrypt_rounds=4, voice="off")
"""In memory, with passwords that are hashed in a millisecond instead of a quarter of a second."""


@attrs.frozen(kw_only=True)
class Team:
    """Everybody is in `general`. In `room` (public) are owner, ann and guest; in `vault` (private) owner and ann; in
    `direct` ann and ben. `stranger` has an account and is no member.
    """

    chat: Chat
    clock: FakeClock
    workspace: Workspace
    owner: User
    admin: User
    ann: User
    ben: User
    guest: User
    stranger: User
    general: Channel
    room: Channel
    vault: Channel
    direct: Channel

    async def say(self, author: User, content: str = "Hello", where: Channel | None = None, **fields: Any) -> Message:
        return await self.chat.messages.send(where or self.room, author=author, content=content, **fields)

    async def user(self, name: str, role: Role | None = Role.MEMBER) -> User:
        """One more account, and member unless the role is None."""
        user = await self.chat.users.create(email=f"{name}@example.org", display_name=name)
        if role is not None:
            await self.chat.members.add(self.workspace, user, role=role)
        return user

    async def events(self, since: int = 0) -> list[Event]:
        """Everything in the workspace's log after this seq."""
        log = await self.chat.storage.read(lambda tx: tx.events.since(self.workspace.id, since, limit=10_000))
        return [envelope.event for envelope in log]

    async def seq(self) -> int:
        """The newest event's."""
        return (await self.chat.storage.read(lambda tx: tx.events.position(self.workspace.id))).seq


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def chat(clock: FakeClock) -> AsyncIterator[Chat]:
    async with open_chat(config=CHEAP, clock=clock) as chat:
        yield chat


@pytest.fixture
async def team(chat: Chat, clock: FakeClock) -> Team:
    return await make_team(chat, clock)


async def make_team(chat: Chat, clock: FakeClock) -> Team:
    people = {
        name: await chat.users.create(email=f"{name}@example.org", display_name=name.capitalize())
        for name in ("owner", "admin", "ann", "ben", "guest", "stranger")
    }
    owner, ann, ben, guest = (people[name] for name in ("owner", "ann", "ben", "guest"))
    workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
    for name, role in (("admin", Role.ADMIN), ("ann", Role.MEMBER), ("ben", Role.MEMBER), ("guest", Role.GUEST)):
        await chat.members.add(workspace, people[name], role=role)
    (general,) = await chat.channels.list(workspace, actor=owner)
    room = await chat.channels.create(workspace, name="room", actor=owner, members=[ann, guest])
    vault = await chat.channels.create(workspace, name="vault", actor=owner, type=ChannelType.PRIVATE, members=[ann])
    direct, _ = await chat.channels.direct(workspace, [ben], actor=ann)
    return Team(
        chat=chat,
        clock=clock,
        workspace=workspace,
        general=general.channel,
        room=room,
        vault=vault,
        direct=direct,
        **people,
    )


async def stored(chat: Chat) -> dict[str, list[Any]]:
    """Every row of every table that can be listed, the messages' tables by way of the log."""

    async def work(tx: Tx) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for name in Tx.__annotations__:
            table = getattr(tx, name)
            if hasattr(table, "find"):
                found[name] = await table.find()
        for workspace in found["workspaces"]:
            log = await tx.events.since(workspace.id, 0, limit=10_000)
            found[f"log of {workspace.slug}"] = [(one.seq, one.type, one.data) for one in log]
            found[f"position of {workspace.slug}"] = [await tx.events.position(workspace.id)]
        return found

    return await chat.storage.read(work)


async def role_of(chat: Chat, workspace_id: WorkspaceId, user_id: UserId) -> Role | None:
    member = await chat.storage.read(lambda tx: tx.members.get(workspace_id, user_id))
    return None if member is None else member.role
