"""Trying a bot: a conversation with it, in a real chat in memory, without a network.

    from chatcore.testing.bots import bot_tester
    from dice import bot

    async def test_roll() -> None:
        await bot_tester(bot).dialog(["ada: !roll 20", "dice: /[0-9]+ of 20/"])

Time is Trio's: with pytest-trio's `autojump_clock`, an hour passes at once.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing

from chatcore.bot import Bot
from chatcore.bot.durations import parse_duration
from chatcore.bot.journal import Memory
from chatcore.bot.living import Life
from chatcore.bot.place import Shelf
from chatcore.chat import Chat, open_chat
from chatcore.config import Config
from chatcore.embedded.place import EmbeddedHome
from chatcore.embedded.plugin import account, enter
from chatcore.events import MessageReceived
from chatcore.model import Channel, Message, Role, User, Workspace
from chatcore.service.subscription import Subscription
from chatcore.testing.clock import FakeClock

PATIENCE = 5.0
"""Seconds that a bot may take to say something."""
QUIET = 0.01
"""Seconds without anything to do after which the bot is taken to have said everything."""

_LINE = re.compile(r"(?P<who>[^:\s][^:]*): (?P<text>.*)\Z", re.DOTALL)
_PAUSE = re.compile(r"-- (?P<span>\w+)\Z")


class Stage:
    """A chat with a bot in it, while it is open. Made by `BotTester.open`."""

    def __init__(self, chat: Chat, bot: Bot, workspace: Workspace, owner: User, shelf: Shelf) -> None:
        self.chat = chat
        self.bot = bot
        self.workspace = workspace
        self.owner = owner
        self.shelf = shelf
        self.said: list[str] = []
        """The conversation so far, as `dialog` writes it."""
        self.people: dict[str, User] = {}
        self.channel: Channel
        """Where people talk: `general`."""
        self._events: Subscription
        self._home: EmbeddedHome
        self._nursery: trio.Nursery
        self._life: Life
        self._ended: trio.Event

    async def person(self, name: str, role: str = "member") -> User:
        """A member of the workspace, made when first named."""
        if name not in self.people:
            user = await self.chat.users.create(email=f"{name}@example.org", display_name=name)
            await self.chat.members.add(self.workspace, user, role=Role(role))
            self.people[name] = user
        return self.people[name]

    async def say(
        self, who: str, text: str, *, thread: Message | None = None, channel: Channel | None = None
    ) -> Message:
        """Somebody says something."""
        self.said.append(f"{who}: {text}")
        root = None if thread is None else thread.id
        author = await self.person(who)
        return await self.chat.messages.send(channel or self.channel, author=author, content=text, thread_id=root)

    async def hear(self) -> Message:
        """What the bot says next, anywhere that the owner of the workspace can read. Fails when it says nothing."""
        with trio.move_on_after(PATIENCE):
            async for event in self._events:
                if isinstance(event, MessageReceived) and event.message.user.display_name == self.bot.name:
                    self.said.append(f"{self.bot.name}: {event.message.content}")
                    return event.message
        raise AssertionError(self._told("said nothing"))

    async def expect(self, wanted: str) -> Message:
        """The bot says this next; `/…/` is a regular expression that has to match all of it."""
        message = await self.hear()
        if not _fits(message.content, wanted):
            raise AssertionError(self._told(f"was to say: {wanted}"))
        return message

    async def quiet(self) -> None:
        """The bot has nothing more to say."""
        await trio.testing.wait_all_tasks_blocked(QUIET)
        before = len(self.said)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.hear)
            # What was said has come long since: it is read until there is no more.
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        if len(self.said) != before:
            raise AssertionError(self._told("was to say nothing more"))

    async def start(self) -> None:
        """The bot starts, as it does after `stop`."""
        self._life = Life(self.bot, self._home)
        await self._nursery.start(self._live)

    async def stop(self) -> None:
        """The bot stops, as it does when its process is told to."""
        self._life.stop.set()
        await self._ended.wait()

    async def _live(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._ended = ended = trio.Event()
        await self._life.run(task_status=task_status)
        ended.set()

    async def play(self, lines: Sequence[str]) -> None:
        """What people say is said; what the bot says is expected, in this order, and nothing else. See `dialog`."""
        for line in lines:
            pause, said = _PAUSE.match(line), _LINE.match(line)
            if pause is not None:
                await trio.sleep(parse_duration(pause["span"]).total_seconds())
            elif said is None:
                raise ValueError(f"{line!r}: write who says what, like 'ada: !help', or a pause, like '-- 15m'")
            elif said["who"] == self.bot.name:
                await self.expect(said["text"])
            else:
                await self.say(said["who"], said["text"])
        await self.quiet()

    def _told(self, what: str) -> str:
        return "\n".join([f"{self.bot.name} {what}; the conversation:", *self.said])

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """With the bot at work. What the test raises comes out as it is, in no group."""
        raised: Exception | None = None
        me = await account(self.chat, self.bot)
        await enter(self.chat, self.workspace.id, me, Role.MEMBER)
        (self.channel,) = [each.channel for each in await self.chat.channels.list(self.workspace, actor=me)]
        self._home = EmbeddedHome(self.chat, me.id, self.shelf)
        async with self.chat.subscribe(self.owner, self.workspace) as self._events, trio.open_nursery() as nursery:
            self._nursery = nursery
            await self.start()
            try:
                yield
            except Exception as error:
                raised = error
            await self.stop()
        if raised is not None:
            raise raised


@attrs.frozen
class BotTester:
    """A bot that is to be tried. `roles`: of people by name, where they are no plain members."""

    bot: Bot
    roles: Mapping[str, str] = attrs.field(factory=dict)

    async def dialog(self, lines: Sequence[str]) -> None:
        """Hold a conversation in `general`: `"ada: !roll 20"` is said by Ada, `"dice: /[0-9]+ of 20/"` has to be said
        by the bot `dice`, and `"-- 15m"` lets time pass. Fails when the bot says something else, nothing, or more.
        """
        async with self.open() as stage:
            await stage.play(lines)

    @asynccontextmanager
    async def open(self, *, shelf: Shelf | None = None) -> AsyncIterator[Stage]:
        """A chat with the bot in it, for tests that look closer."""
        async with open_chat("memory:", config=Config(rate_limits="off"), clock=FakeClock()) as chat:
            owner = await chat.users.create(email="owner@example.org", display_name="owner")
            workspace = await chat.workspaces.create(name="Test", slug="test", owner=owner, general=True)
            stage = Stage(chat, self.bot, workspace, owner, shelf or Memory())
            stage.people["owner"] = owner
            async with stage._running():
                for name, role in self.roles.items():
                    await stage.person(name, role)
                yield stage


def bot_tester(bot: Bot, **roles: str) -> BotTester:
    """Try a bot: `bot_tester(bot, ada="admin").dialog([...])`."""
    return BotTester(bot, roles)


def _fits(text: str, wanted: str) -> bool:
    if len(wanted) > 2 and wanted[0] == wanted[-1] == "/":
        return re.fullmatch(wanted[1:-1], text, re.DOTALL) is not None
    return text == wanted
