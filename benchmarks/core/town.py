"""A chat with people in one workspace, made through the services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from chatcore import Config, open_chat
from chatcore.chat import Chat
from chatcore.model import Channel, User, Workspace

TEXT = "The deploy is done; have a look at the dashboard when you find the time, and tell me what you think of it."
"""What most messages look like: about a hundred characters."""


@attrs.frozen
class Town:
    """All `people` are in `channel`; the first owns the workspace."""

    chat: Chat
    workspace: Workspace
    channel: Channel
    people: list[User]


def town_config(folder: Path) -> Config:
    """What is slow is measured here, and need not be logged."""
    return Config(database_url=f"sqlite:///{folder}/town.db", slow_query_ms=60_000)


@asynccontextmanager
async def open_town(folder: Path, people: int) -> AsyncIterator[Town]:
    """A fresh chat on a file in this folder."""
    async with open_chat(config=town_config(folder)) as chat:
        yield await settle(chat, people)


async def settle(chat: Chat, people: int, *, slug: str = "town") -> Town:
    """A workspace with so many people, all in its channel `general`."""
    users = await make_users(chat, people)
    workspace = await chat.workspaces.create(name="Town", slug=slug, owner=users[0], general=True)
    async with trio.open_nursery() as nursery:
        for user in users[1:]:
            nursery.start_soon(_join, chat, workspace, user)
    channels = await chat.channels.list(workspace, actor=users[0])
    return Town(chat, workspace, channels[0].channel, users)


async def make_users(chat: Chat, count: int) -> list[User]:
    """Users without a password."""
    users: list[User | None] = [None] * count

    async def make(number: int) -> None:
        users[number] = await chat.users.create(email=f"person{number}@example.org", display_name=f"Person {number}")

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(make, number)
    return [user for user in users if user is not None]


async def _join(chat: Chat, workspace: Workspace, user: User) -> None:
    await chat.members.add(workspace, user)
