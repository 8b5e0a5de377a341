"""A bot in a terminal: you are the only person in a chat in memory, and the bot is there too."""

import sys
from collections.abc import Callable

import trio

from chatcore.bot import Bot
from chatcore.bot.journal import Memory
from chatcore.bot.living import Life
from chatcore.chat import Chat, open_chat
from chatcore.config import Config
from chatcore.embedded.place import EmbeddedHome
from chatcore.embedded.plugin import account, enter
from chatcore.errors import ChatError
from chatcore.events import MessageReceived, MessageUpdated, ReactionAdded
from chatcore.model import Channel, Role, User
from chatcore.service.subscription import Subscription

SETTLED_SECONDS = 0.3
"""At the end of the input: the bot may have something to say for so long after it last said something."""


def shell(bot: Bot) -> None:
    """Talk to the bot until the end of the input (Ctrl-D)."""
    trio.run(converse, bot, sys.stdin.readline, print)


async def converse(bot: Bot, read: Callable[[], str], write: Callable[[str], object]) -> None:
    """`read` gives a line, and "" at the end, and may block; `write` takes one."""
    async with open_chat("memory:", config=Config(rate_limits="off")) as chat:
        you = await chat.users.create(email="you@example.org", display_name="you")
        home = await chat.workspaces.create(name="Shell", slug="shell", owner=you, general=True)
        me = await account(chat, bot)
        await enter(chat, home.id, me, Role.MEMBER)
        (general,) = [each.channel for each in await chat.channels.list(home, actor=you)]
        life = Life(bot, EmbeddedHome(chat, me.id, Memory()))
        async with chat.subscribe(you, home) as events, trio.open_nursery() as nursery:
            await nursery.start(life.run)
            scribe = Scribe(events, you, write)
            nursery.start_soon(scribe.run)
            write(f"You talk to {bot.name} in a chat that is forgotten at the end (Ctrl-D). Try: {bot.prefix}help")
            await _listen(chat, general, you, read, write)
            await scribe.settled()
            life.stop.set()
            nursery.cancel_scope.cancel()


async def _listen(
    chat: Chat, general: Channel, you: User, read: Callable[[], str], write: Callable[[str], object]
) -> None:
    while line := await trio.to_thread.run_sync(read, abandon_on_cancel=True):
        if line.strip():
            try:
                await chat.messages.send(general, author=you, content=line.rstrip("\n"))
            except ChatError as problem:
                write(f"({problem.message})")


class Scribe:
    """Writes down what the others say."""

    def __init__(self, events: Subscription, you: User, write: Callable[[str], object]) -> None:
        self._events = events
        self._you = you
        self._write = write
        self._last = trio.current_time()

    async def run(self) -> None:
        """Until cancelled."""
        async for event in self._events:
            self._last = trio.current_time()
            match event:
                case MessageReceived(message=message) if message.user_id != self._you.id:
                    self._write(f"{message.user.display_name}: {self._readable(message.content)}")
                case MessageUpdated(content=content):
                    self._write(f"(edited) {self._readable(content)}")
                case ReactionAdded(user_id=user_id, user=user, emoji=emoji) if user_id != self._you.id:
                    self._write(f"{user.display_name} reacts {emoji}")

    def _readable(self, content: str) -> str:
        """A mention of the only person there is, as clients show it."""
        return content.replace(f"<@{self._you.id}>", f"@{self._you.display_name}")

    async def settled(self) -> None:
        """Wait until nothing was said for a while."""
        heard = None
        while heard != self._last:
            heard = self._last
            await trio.sleep(SETTLED_SECONDS)
