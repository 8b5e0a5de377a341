"""A chat in memory with people and rooms, for tests of plugins and of what embeds a chat: nothing is stored or sent."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio.testing

from chatcore.chat import Chat, open_chat
from chatcore.config import Config
from chatcore.model import Channel, Message, User, Workspace
from chatcore.service.subscription import Subscription
from chatcore.testing.clock import FakeClock

PEOPLE = ("ada", "ben")
ROOMS = ("general",)


@attrs.frozen
class ChatKit:
    """`people` and `rooms` are by name; everybody is in every room, and the first of them owns the workspace."""

    chat: Chat
    clock: FakeClock
    workspace: Workspace
    people: dict[str, User]
    rooms: dict[str, Channel]

    def __getattr__(self, name: str) -> User:
        """A person: `kit.ada`."""
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(f"there is nobody called {name!r}; there are {', '.join(self.people)}") from None

    async def say(self, who: str, content: str, *, room: str | None = None, **options: Any) -> Message:
        """Send a message as this person, in the first room unless another is named; `options` as `messages.send`."""
        return await self.chat.messages.send(self.room(room), author=self.people[who], content=content, **options)

    async def history(self, room: str | None = None) -> list[str]:
        """The texts of a room, oldest first."""
        page = await self.chat.messages.history(self.room(room), actor=next(iter(self.people.values())), limit=100)
        return [message.content for message in reversed(page.messages)]

    def listen(self, who: str) -> AbstractAsyncContextManager[Subscription]:
        """The events that this person gets from now on: `async with kit.listen("ben") as events`."""
        return self._listen(who)

    @asynccontextmanager
    async def _listen(self, who: str) -> AsyncIterator[Subscription]:
        async with self.chat.subscribe(self.people[who], self.workspace) as subscription:
            yield subscription

    async def settle(self) -> None:
        """Wait until the plugins' observers have handled all that has happened."""
        await self.chat.hooks.settled()
        await trio.testing.wait_all_tasks_blocked()

    def room(self, name: str | None = None) -> Channel:
        """A room by name; the first one without."""
        return next(iter(self.rooms.values())) if name is None else self.rooms[name]


@asynccontextmanager
async def open_kit(
    *,
    plugins: Iterable[Any] = (),
    people: Iterable[str] = PEOPLE,
    rooms: Iterable[str] = ROOMS,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    config: Config | None = None,
) -> AsyncIterator[ChatKit]:
    """Open a chat in memory, with its people in its rooms.

    plugins: modules, objects, or paths of `.py` files. settings: what `[plugin.NAME]` says, by plugin.
    Raises ConfigError as `open_chat` does.
    """
    given = list(plugins)
    files = tuple(str(each) for each in given if isinstance(each, str | Path))
    config = config or Config()
    config = attrs.evolve(
        config,
        database_url="memory:",
        plugins=(*config.plugins, *files),
        plugin_settings={**config.plugin_settings, **(settings or {})},
    )
    clock = FakeClock()
    objects = [each for each in given if not isinstance(each, str | Path)]
    async with open_chat(config=config, clock=clock, plugins=objects) as chat:
        yield await _furnish(chat, clock, list(people), list(rooms))


async def _furnish(chat: Chat, clock: FakeClock, names: list[str], rooms: list[str]) -> ChatKit:
    people = {
        name: await chat.users.create(email=f"{name}@example.org", display_name=name.capitalize()) for name in names
    }
    owner, *others = people.values()
    workspace = await chat.workspaces.create(name="Kit", slug="kit", owner=owner)
    for each in others:
        await chat.members.add(workspace, each, actor=owner)
    found = {channel.channel.name: channel.channel for channel in await chat.channels.list(workspace, actor=owner)}
    for name in rooms:
        if name not in found:
            found[name] = await chat.channels.create(workspace, name=name, actor=owner)
            for each in others:
                await chat.channels.join(found[name], actor=each)
    return ChatKit(chat, clock, workspace, people, {name: found[name] for name in (*rooms, *found)})
