"""`Bot`: what it does is registered with decorators; where it runs is another matter."""

import difflib
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, timedelta, tzinfo
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import attrs

from chatcore.bot.command import Command, Handler, check_async, command_of, name_of
from chatcore.bot.context import Context
from chatcore.bot.durations import parse_duration
from chatcore.bot.guard import Rate
from chatcore.bot.schedule import Daily, Every, Schedule, parse_time
from chatcore.bot.voice import Calls, VoiceCall
from chatcore.events import EVENTS
from chatcore.ids import ChannelId
from chatcore.model import Channel, Role

F = TypeVar("F", bound=Handler)
RoleName = Literal["owner", "admin", "member", "guest"]
Middleware = Callable[[Context, Callable[[], Awaitable[None]]], Awaitable[None]]
M = TypeVar("M", bound=Middleware)
EventName = Literal[
    "message_received",
    "message_updated",
    "message_deleted",
    "reaction_added",
    "reaction_removed",
    "read_updated",
    "channel_created",
    "channel_updated",
    "channel_archived",
    "channel_hidden",
    "member_joined",
    "member_left",
    "member_updated",
    "workspace_updated",
    "huddle_started",
    "huddle_user_joined",
    "huddle_user_left",
    "huddle_user_updated",
    "huddle_updated",
    "huddle_ended",
    "typing",
    "presence_update",
    "huddle_signal",
    "huddle_speaking",
    "huddle_rejoin",
    "huddle_ring",
    "resynced",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}\Z")


@attrs.frozen(kw_only=True)
class Listener:
    """A handler of messages (`pattern`: only of those in which it is found) or of events of one type."""

    name: str
    handler: Handler
    event: str = "message_received"
    pattern: re.Pattern[str] | None = None
    bots: bool = False


class Bot:
    """A bot. `name` is what people call it by: `!help`, `@dice help`.

    prefix: what commands begin with; a mention of the bot does as well, and a direct message needs neither.
    rate: how much one person may cause in one channel. about: the first line of its help.
    """

    def __init__(self, name: str, *, prefix: str = "!", about: str = "", rate: Rate | None = None) -> None:
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name for a bot: use lower-case letters, digits, - and _")
        if not prefix or any(character.isspace() for character in prefix):
            raise ValueError("the prefix must be something that can be typed, without spaces")
        self.name = name
        self.prefix = prefix
        self.about = about
        self.rate = rate or Rate()
        self.commands: dict[str, Command] = {}
        """By name, and by alias."""
        self.listeners: list[Listener] = []
        self.schedules: list[Schedule] = []
        self.starts: list[Handler] = []
        self.middlewares: list[Middleware] = []
        self.calls = Calls()
        self.log = logging.getLogger(f"chatcore.bot.{name}")

    # --- what it does ----------------------------------------------------------------------------------------------

    def command(
        self,
        name: str | None = None,
        *,
        aliases: Sequence[str] = (),
        role: RoleName | None = None,
        bots: bool = False,
        hidden: bool = False,
    ) -> Callable[[F], F]:
        """Register a command: its parameters are what is typed behind its name, its docstring is its help.

        role: the least powerful one that may use it. bots: whether other bots may. hidden: not in the help.
        Raises TypeError for a function that cannot be a command, ValueError for a name that is taken.
        """

        _called("command", name)
        if isinstance(aliases, str):
            raise TypeError(f"aliases are several: write aliases=[{aliases!r}]")
        least = None if role is None else Role(role)

        def register(handler: F) -> F:
            made = command_of(handler, name=name, aliases=tuple(aliases), role=least, bots=bots, hidden=hidden)
            for each in (made.name, *made.aliases):
                if any(character.isspace() for character in each):
                    raise ValueError(f"a command is one word, not {each!r}")
                if each in self.commands:
                    raise ValueError(f"there is a command {each!r} already")
                self.commands[each] = made
            return handler

        return register

    def on_message(self, *, bots: bool = False) -> Callable[[F], F]:
        """Call this for every message that is no command and nobody's answer."""
        return self._listen(bots=bots)

    def pattern(self, expression: str, *, flags: int = re.IGNORECASE, bots: bool = False) -> Callable[[F], F]:
        """Call this for every such message in which a regular expression is found; `ctx.match` is the match."""
        _called("pattern", expression)
        return self._listen(pattern=re.compile(expression, flags), bots=bots)

    def on(self, event: EventName) -> Callable[[F], F]:
        """Call this for every event of a type, whoever caused it; `ctx.event` is the event."""
        _called("on", event)
        known = [*EVENTS, "resynced"]
        if event not in known:
            close = difflib.get_close_matches(event, known, 1)
            hint = f"did you mean {close[0]!r}? There" if close else "there"
            raise ValueError(f"there is no event {event!r}: {hint} are {', '.join(known)}")
        return self._listen(event=event, bots=True)

    def on_start(self, handler: F) -> F:
        """Call this once for each workspace when the bot has begun to listen there: after each start of it."""
        check_async(handler)
        self.starts.append(handler)
        return handler

    def every(self, span: str | timedelta) -> Callable[[F], F]:
        """Call this again and again: `@bot.every("15m")`. Once for each workspace, at multiples of the span."""
        _called("every", span)
        rhythm = Every(parse_duration(span) if isinstance(span, str) else span)
        if rhythm.span.total_seconds() < 1:
            raise ValueError("the span must be at least a second")
        return self._schedule(rhythm)

    def daily(self, at: str, *, zone: str | tzinfo = UTC, days: Sequence[int] = range(7)) -> Callable[[F], F]:
        """Call this every day: `@bot.daily("09:00", zone="Europe/Berlin", days=range(5))`. Days: 0 is Monday."""
        _called("daily", at)
        tz = ZoneInfo(zone) if isinstance(zone, str) else zone
        if not days or not set(days) <= set(range(7)):
            raise ValueError("days must be some of 0 (Monday) to 6")
        return self._schedule(Daily(parse_time(at), tz, frozenset(days)))

    def middleware(self, function: M) -> M:
        """Put this around every call of a handler: `async def timed(ctx, call_next): …; await call_next(); …`."""
        check_async(function)
        self.middlewares.append(function)
        return function

    def _listen(
        self, *, event: str = "message_received", pattern: re.Pattern[str] | None = None, bots: bool
    ) -> Callable[[F], F]:
        def register(handler: F) -> F:
            check_async(handler)
            # Part of the name of what it says: it must be the same in the next start.
            name = f"{event}.{len(self.listeners)}"
            self.listeners.append(Listener(name=name, handler=handler, event=event, pattern=pattern, bots=bots))
            return handler

        return register

    def _schedule(self, rhythm: Every | Daily) -> Callable[[F], F]:
        def register(handler: F) -> F:
            check_async(handler)
            name = f"schedule.{name_of(handler)}.{len(self.schedules)}"
            self.schedules.append(Schedule(name=name, handler=handler, rhythm=rhythm))
            return handler

        return register

    # --- talking ---------------------------------------------------------------------------------------------------

    def huddle(self, channel: Channel | str, *, slots: int = 3) -> AbstractAsyncContextManager[VoiceCall]:
        """Be in the huddle of a channel, or start one: `async with bot.huddle(ctx.channel) as call:`.

        `await call.play("hello.opus")` plays a file to its end, `async for frame in call.listen()` hears the others: as
        many at a time as there are `slots`, the loudest. The bot joins again by itself when the connection, the media
        or the server was lost. Raises Unavailable without the extra `voice`, NotFound, Forbidden.
        """
        return self.calls.open(channel.id if isinstance(channel, Channel) else ChannelId(channel), slots)

    # --- where it runs ---------------------------------------------------------------------------------------------

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Run until SIGTERM or Ctrl-C: on the server CHATCORE_URL with the token CHATCORE_TOKEN, or, with `--shell`, in
        this terminal. Exits with a line that says what is wrong. `arguments`: by default those of the program.
        """
        from chatcore.bot.running import run

        run(self, arguments)

    def plugin(self) -> Any:
        """The bot as a plugin, for `open_chat(plugins=[bot.plugin()])`. A file that makes one bot needs not even that:
        `chatcore serve --plugin dice.py`.
        """
        from chatcore.bot.running import surroundings

        return surroundings("plugin")(self)

    def __chatcore_plugin__(self) -> Any:
        """What the loader of plugins asks for."""
        return self.plugin()


def _called(decorator: str, given: object) -> None:
    """Raises TypeError for a decorator that was left without its parentheses: it would register nothing."""
    if callable(given):
        raise TypeError(f"write @bot.{decorator}(…), with parentheses")
