"""What a handler is given: what happened, where, and what one can do about it."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

import trio

from chatcore.bot.converters import Converter, converter_for
from chatcore.bot.dialogs import lane_of
from chatcore.bot.durations import say_duration
from chatcore.bot.errors import BadArgument, NoAnswer
from chatcore.bot.place import Place, Shelf
from chatcore.errors import Forbidden, NotFound
from chatcore.events import Event
from chatcore.ids import ChannelId, MessageId, UserId, is_id
from chatcore.model import Channel, ChannelType, MemberCard, Message, Role, UserCard
from chatcore.state import State

if TYPE_CHECKING:
    from chatcore.bot.runner import Runner

T = TypeVar("T")

ASK_SECONDS = 300.0
ATTEMPTS = 3
"""How often `ask` takes an answer that does not fit."""


class Context:
    """One call of a handler.

    `message` is what was said (None for other events and schedules), `event` what happened (None for schedules), `text`
    what followed the command's name, and `match` what a pattern found.
    """

    def __init__(
        self,
        runner: "Runner",
        key: str,
        *,
        message: Message | None = None,
        event: Event | None = None,
        text: str = "",
        match: Any = None,
    ) -> None:
        self._runner = runner
        self._key = key
        self._sent = 0
        self._message = message
        self.event = event
        self.text = text
        self.match = match

    # --- where one is ----------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """The workspace."""
        return self._runner.place

    @property
    def state(self) -> State:
        """The workspace as the bot knows it: members, channels, presence."""
        return self.place.state

    @property
    def message(self) -> Message:
        """What was said. Raises RuntimeError where nobody said something."""
        if self._message is None:
            raise RuntimeError("there is no message here: nobody said something")
        return self._message

    @property
    def author(self) -> MemberCard:
        """Who said it."""
        return self.member(self.message.user_id)

    @property
    def channel(self) -> Channel:
        """Where it was said."""
        return self.state.channels[self.message.channel_id].channel

    @property
    def shelf(self) -> Shelf:
        """What the bot keeps from one start to the next: one shelf for all of its workspaces."""
        return self._runner.home.shelf

    @property
    def log(self) -> logging.Logger:
        """The bot's logger, `chatcore.bot.NAME`."""
        return self._runner.bot.log

    def now(self) -> datetime:
        """The wall time in UTC (a test turns it)."""
        return self._runner.home.now()

    def member(self, user_id: UserId) -> MemberCard:
        """A member by id; somebody who has left since, by what their message says."""
        card = self.state.members.get(user_id)
        if card is not None:
            return card
        face = self._message.user if self._message is not None else UserCard(display_name="somebody")
        return MemberCard(user_id=user_id, display_name=face.display_name, role=Role.GUEST)

    # --- what one can say ------------------------------------------------------------------------------------------

    async def reply(self, content: str, *, thread: bool = False) -> Message:
        """Answer where it was said: in the channel, or in the thread. `thread`: begin one if there is none."""
        root = self.message.thread_id or (self.message.id if thread else None)
        return await self._say(self.message.channel_id, content, root)

    async def send(self, content: str, *, channel: Channel | str, thread_id: MessageId | None = None) -> Message:
        """Say something in another channel: itself, its id, or its name. Raises NotFound, Forbidden."""
        return await self._say(self.channel_id(channel), content, thread_id)

    async def direct(self, content: str, *, to: MemberCard | Iterable[MemberCard] | None = None) -> Message:
        """Say something to somebody alone (or to up to 8): by default to who said the message."""
        people = [self.author] if to is None else [to] if isinstance(to, MemberCard) else list(to)
        return await self._say(await self.place.direct([card.user_id for card in people]), content, None)

    async def react(self, emoji: str, *, message: Message | None = None) -> None:
        """React to the message, or to another one."""
        await self.place.react((message or self.message).id, emoji)

    async def unreact(self, emoji: str, *, message: Message | None = None) -> None:
        """Take a reaction back."""
        await self.place.unreact((message or self.message).id, emoji)

    async def edit(self, message: Message, content: str) -> Message:
        """Change a message of the bot's own."""
        return await self.place.edit(message.id, content)

    async def delete(self, message: Message) -> None:
        """Delete a message."""
        await self.place.delete(message.id)

    async def typing(self) -> None:
        """Show that an answer is being written."""
        await self.place.typing(self.message.channel_id)

    def channel_id(self, channel: Channel | str) -> ChannelId:
        """Raises NotFound for a name that the bot sees no channel of."""
        if isinstance(channel, Channel):
            return channel.id
        if is_id(channel):
            return ChannelId(channel)
        for it in self.state.channels.values():
            if it.channel.name == channel.removeprefix("#"):
                return it.channel.id
        raise NotFound(f"There is no channel {channel!r}, or I may not see it.")

    async def _say(self, channel_id: ChannelId, content: str, thread_id: MessageId | None) -> Message:
        """Under a name that is the same when the handler is called for the same event again: it is said once."""
        if not isinstance(content, str):
            raise TypeError(f"a message is text, not {type(content).__name__}: str(…) makes one of it")
        self._sent += 1
        name = hashlib.blake2s(f"{self._key}\n{self._sent}".encode(), digest_size=16).hexdigest()
        try:
            return await self.place.send(channel_id, content, thread_id=thread_id, temp_id=name)
        except Forbidden:
            it = self.state.channels.get(channel_id)
            if it is None or it.joined or it.channel.type is not ChannelType.PUBLIC:
                raise
            # What is said in public channels is heard without being in them; to answer, one has to be.
            await self.place.join(channel_id)
            return await self.place.send(channel_id, content, thread_id=thread_id, temp_id=name)

    # --- dialogs ---------------------------------------------------------------------------------------------------

    @overload
    async def ask(self, question: str, *, patience: float = ASK_SECONDS) -> str: ...

    @overload
    async def ask(self, question: str, type: type[T], *, patience: float = ASK_SECONDS) -> T: ...

    async def ask(self, question: str, type: Any = str, *, patience: float = ASK_SECONDS) -> Any:
        """Ask who said the message, and wait for what they say next here.

        type: what the answer is to be, as for a parameter of a command; one that does not fit is asked for again.
        patience: in seconds. Raises NoAnswer, Cancelled (after `!cancel`, or when they begin another dialog),
        BadArgument; a handler that lets them pass ends politely.
        """
        convert = converter_for(type)
        lane = lane_of(self.message)
        waiting = self._runner.dialogs.begin(lane)
        said = question
        try:
            with trio.move_on_after(patience):
                for _ in range(ATTEMPTS):
                    asked = await self.reply(said)
                    self._runner.dialogs.asked(lane, waiting, asked.seq)
                    answer = await self._runner.waiting_for(waiting, lane)
                    value, problem = self._read(answer.content, convert)
                    if problem is None:
                        return value
                    said = f"That {problem}. {question}"
                    waiting = self._runner.dialogs.begin(lane)
                raise BadArgument("Let us leave it at that.")
        finally:
            self._runner.dialogs.end(lane, waiting)
        raise NoAnswer(f"I have waited {say_duration(patience)} for an answer: begin again when you are ready.")

    def _read(self, text: str, convert: Converter) -> tuple[Any, str | None]:
        try:
            return convert(text.strip(), self.state), None
        except BadArgument as problem:
            return None, problem.text
