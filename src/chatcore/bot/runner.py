"""A bot at work in one workspace: events in, handlers beside each other, a cursor behind what is done.

event ──► whose? nobody's ──► passed            done ──► cursor (stored soon, and at the end)
          an answer       ──► the dialog         ▲
          a handler's     ──► a task of its own ─┘      at most MAX_RUNS at a time, not counting those that wait
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import attrs
import trio

from chatcore.bot import help as help_texts
from chatcore.bot.addressing import Line, addressed, command_named
from chatcore.bot.bot import Bot, Listener
from chatcore.bot.command import Command
from chatcore.bot.context import Context
from chatcore.bot.dialogs import Dialogs, Held, Lane, Waiting, lane_of
from chatcore.bot.errors import BadArgument, BotError, Cancelled
from chatcore.bot.guard import Guard
from chatcore.bot.place import Home, Place
from chatcore.bot.progress import Progress
from chatcore.bot.schedule import Schedule
from chatcore.client.workspace import Resynced
from chatcore.errors import ChatError, leaves
from chatcore.events import Event, HuddleRejoin, MessageReceived
from chatcore.model import ChannelType, Message

MAX_RUNS = 100
"""Handlers at work at a time; more events wait, at the server in the end."""
MAX_DIALOGS = 1000
"""Handlers that wait for an answer."""
SAVE_SECONDS = 0.5
"""How long a cursor may be old: what was done meanwhile is done again after a kill, and said only once."""
HOLD_SECONDS = 30.0
"""How long the words of somebody wait for the handler that is at work for them."""
PATIENCE = 5.0
"""Seconds that handlers have when the bot is to stop. Those that wait for an answer begin again at the next start."""

_FAULT = "Something went wrong. It is in my log; please tell whoever runs me."


Call = Callable[[Context], Awaitable[object]]
"""A handler, with what was typed already given to it. It is to return nothing, which untyped code may not know."""


@attrs.frozen(kw_only=True)
class Run:
    """A handler that is to be called."""

    name: str
    call: Call
    message: Message | None
    event: Event | None
    text: str = ""
    match: Any = None
    held: Held | None = None

    @property
    def lane(self) -> Lane | None:
        """For whom the handler is at work, and where; None: for nobody in particular."""
        return None if self.message is None or self.held is not None else lane_of(self.message)


class Runner:
    """See the module."""

    def __init__(self, bot: Bot, home: Home, place: Place, progress: Progress) -> None:
        self.bot = bot
        self.home = home
        self.place = place
        self.dialogs = Dialogs()
        self._progress = progress
        self._guard = Guard(bot.rate)
        self._slots = trio.Semaphore(MAX_RUNS)
        self._asking = trio.Semaphore(MAX_DIALOGS)
        self._by_event: dict[str, list[Listener]] = {}
        for listener in bot.listeners:
            self._by_event.setdefault(listener.event, []).append(listener)

    async def run(self, stop: trio.Event) -> None:
        """Until the bot is no longer in the workspace, or `stop` is set and what was begun is done.

        Raises ChatError.
        """
        if self._progress.since is None:
            # From its first moment on nothing is left out, even if that is all that it lives to see.
            self._progress.passed(self.place.position)
            await self._save()
        try:
            async with trio.open_nursery() as working:
                async with trio.open_nursery() as listening:
                    listening.start_soon(self._until, stop, listening.cancel_scope)
                    listening.start_soon(self._save_often)
                    for number, handler in enumerate(self.bot.starts):
                        await self._take_slot()
                        run = Run(name=f"start.{number}", call=handler, message=None, event=None)
                        working.start_soon(self._handle, run, uuid4().hex)
                    for schedule in self.bot.schedules:
                        listening.start_soon(self._keep_to, schedule, working)
                    await self._listen(working)
                    listening.cancel_scope.cancel()
                await self._let_finish()
                working.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(PATIENCE):
                await self._save()

    async def _let_finish(self) -> None:
        """Wait for those at work, which have all places back when they are done, or wait for somebody."""
        taken = 0
        with trio.move_on_after(PATIENCE):
            while taken < MAX_RUNS:
                await self._slots.acquire()
                taken += 1
        for _ in range(taken):
            self._slots.release()

    async def _until(self, stop: trio.Event, scope: trio.CancelScope) -> None:
        await stop.wait()
        scope.cancel()

    async def _listen(self, working: trio.Nursery) -> None:
        async for event in self.place.events():
            if isinstance(event, HuddleRejoin):
                self.bot.calls.heard(event)
            if isinstance(event, Resynced):
                self._progress.restart(self.place.position)
            runs = tuple(self._runs_of(event))
            if not event.seq:
                for run in runs:
                    await self._take_slot()
                    working.start_soon(self._handle, run, uuid4().hex)
            elif self._wanted(event, runs):
                for run in runs:
                    if run.lane is not None:
                        self.dialogs.enter(run.lane)
                    await self._take_slot()
                working.start_soon(self._handle_all, runs, event.seq)

    async def _take_slot(self) -> None:
        """A place among those at work. The events that it is for were waited for: a free one need not cost a turn."""
        try:
            self._slots.acquire_nowait()
        except trio.WouldBlock:
            await self._slots.acquire()

    def _wanted(self, event: Event, runs: tuple[Run, ...]) -> bool:
        """Whether there is something to do about a durable event."""
        if not runs:
            self._progress.passed(self.place.position)
            return False
        return self._progress.begun(self.place.position)

    # --- whose is it? ----------------------------------------------------------------------------------------------

    def _runs_of(self, event: Event) -> Iterator[Run]:
        if not isinstance(event, MessageReceived):
            for listener in self._by_event.get(event.type, ()):
                yield Run(name=listener.name, call=listener.handler, message=None, event=event)
            return
        message = event.message
        if message.user_id == self.place.me or not message.content:
            return
        it = self.place.state.channels.get(message.channel_id)
        direct = it is not None and it.channel.type is ChannelType.DIRECT
        line = addressed(self.bot, message.content, self.place.me, direct=direct)
        if line is not None:
            yield from self._for_command(event, message, line)
        elif (held := self.dialogs.hold(message)) is not None:
            yield Run(name="held", call=_nothing, message=message, event=event, held=held)
        elif not self._is_bot(message) and self.dialogs.heard(message):
            # Done with: in another life it must not pass for something else.
            yield Run(name="answer", call=_nothing, message=message, event=event)
        else:
            yield from self._for_listeners(event, message)

    def _is_bot(self, message: Message) -> bool:
        card = self.place.state.members.get(message.user_id)
        return card is not None and card.is_bot

    def _for_command(self, event: MessageReceived, message: Message, line: Line) -> Iterator[Run]:
        command = command_named(self.bot, line.name)
        if self._is_bot(message) and (command is None or not command.bots):
            return
        name = line.name.lower()
        call: Call
        if command is not None:
            call = partial(self._carry_out, command=command)
        elif name in ("help", "cancel"):
            call = self._help if name == "help" else self._call_off
        elif line.meant:
            call = partial(self._unknown, name=line.name)
        else:
            # Another bot may have the same prefix, and this command.
            return
        yield Run(name=f"command.{name}", call=call, message=message, event=event, text=line.rest)

    def _for_listeners(self, event: MessageReceived, message: Message) -> Iterator[Run]:
        is_bot = self._is_bot(message)
        for listener in self._by_event.get(event.type, ()):
            match = None if listener.pattern is None else listener.pattern.search(message.content)
            if (listener.pattern is None or match is not None) and (listener.bots or not is_bot):
                yield Run(name=listener.name, call=listener.handler, message=message, event=event, match=match)

    # --- carrying out ----------------------------------------------------------------------------------------------

    async def _handle_all(self, runs: tuple[Run, ...], seq: int) -> None:
        about = [run.message.id if run.message is not None else f"{self.place.id}.{seq}" for run in runs]
        if len(runs) == 1:
            await self._handle(runs[0], about[0])
        else:
            async with trio.open_nursery() as nursery:
                for run, name in zip(runs, about, strict=True):
                    nursery.start_soon(self._handle, run, name)
        self._progress.done(seq)

    async def _handle(self, run: Run, about: str) -> None:
        """Call a handler, whatever it does. `about` names the event, the same in each life."""
        try:
            if run.held is not None:
                await self._decide(run, run.held, about)
            elif run.message is None or run.call is _nothing or self._allowed(run.message):
                await self._contained(self._context(run, about), run)
        finally:
            self._slots.release()
            if run.lane is not None:
                self.dialogs.leave(run.lane)

    def _context(self, run: Run, about: str) -> Context:
        return Context(
            self, f"{run.name}:{about}", message=run.message, event=run.event, text=run.text, match=run.match
        )

    async def _decide(self, run: Run, held: Held, about: str) -> None:
        """Whether a message was an answer, once the handler in its way is done or asks; if not, listeners hear it."""
        async with self._aside():
            with trio.move_on_after(HOLD_SECONDS):
                await held.settled.wait()
        self.dialogs.release(held)
        message = held.message
        if held.is_answer or not isinstance(run.event, MessageReceived):
            return
        for each in self._for_listeners(run.event, message):
            if self._allowed(message):
                self.dialogs.enter(lane_of(message))
                try:
                    await self._contained(self._context(each, about), each)
                finally:
                    self.dialogs.leave(lane_of(message))

    def _allowed(self, message: Message) -> bool:
        is_bot = self._is_bot(message)
        # A monotonic clock of the machine: it measures a rate, and decides nothing that a test waits for.
        if self._guard.allows(message.channel_id, message.user_id, time.monotonic(), is_bot=is_bot):
            return True
        self.bot.log.warning("left out: %s says too much in channel %s", message.user_id, message.channel_id)
        return False

    async def _contained(self, context: Context, run: Run) -> None:
        try:
            await self._through(list(self.bot.middlewares), context, run)
        except Exception as error:
            for each in leaves(error):
                await self._explain(context, run, each)

    async def _through(self, middlewares: list[Any], context: Context, run: Run) -> None:
        if middlewares:
            first, *others = middlewares
            await first(context, lambda: self._through(others, context, run))
            return
        returned = await run.call(context)
        if returned is not None:
            kind = type(returned).__name__
            self.bot.log.warning("%s returned a %s, which nobody sees: use await ctx.reply(…)", run.name, kind)

    async def _explain(self, context: Context, run: Run, error: BaseException) -> None:
        """Tell the person who caused it, and the log."""
        if isinstance(error, Cancelled) and not error.text:
            return
        if isinstance(error, BotError):
            said = error.text
        elif isinstance(error, ChatError) and error.status < 500:
            said = error.message
            self.bot.log.warning("%s: %s", run.name, error.message)
        else:
            said = _FAULT
            self.bot.log.error("%s failed", run.name, exc_info=error)
        if run.message is None:
            return
        try:
            await context.reply(said)
        except ChatError as problem:
            self.bot.log.warning("%s: the answer could not be given: %s", run.name, problem.message)

    async def _carry_out(self, context: Context, command: Command) -> object:
        if not help_texts.may_use(command, context.author.role):
            assert command.role is not None
            raise BotError(f"Only {help_texts.those_from(command.role)} may use `{self.bot.prefix}{command.name}`.")
        try:
            given, named = command.parse(context.text, self.place.state)
        except BadArgument as problem:
            text = problem.text[0].upper() + problem.text[1:]
            raise BadArgument(f"{text}. Usage: `{self.bot.prefix}{command.usage}`") from None
        return await command.handler(context, *given, **named)

    async def _help(self, context: Context) -> None:
        name = context.text.removeprefix(self.bot.prefix).lower()
        command = self.bot.commands.get(name)
        if not name:
            await context.reply(help_texts.overview(self.bot, context.author.role))
        elif command is not None and help_texts.may_use(command, context.author.role):
            await context.reply(help_texts.detail(self.bot, command))
        else:
            await self._unknown(context, name)

    async def _unknown(self, context: Context, name: str) -> None:
        raise BotError(help_texts.unknown(self.bot, name, context.author.role))

    async def _call_off(self, context: Context) -> None:
        if self.dialogs.call_off(lane_of(context.message)):
            await context.reply("Cancelled.")

    async def waiting_for(self, waiting: Waiting, lane: Lane) -> Message:
        """Wait for a person. Raises Cancelled, BotError."""
        try:
            self._asking.acquire_nowait()
        except trio.WouldBlock:
            raise BotError("Too many people are talking to me: try again in some minutes.") from None
        self.dialogs.leave(lane)
        try:
            async with self._aside():
                return await waiting.result()
        finally:
            self.dialogs.enter(lane)
            self._asking.release()

    @asynccontextmanager
    async def _aside(self) -> AsyncIterator[None]:
        """While this is open, the place among those at work is free."""
        self._slots.release()
        try:
            yield
        finally:
            # Not to be cancelled, or the place would be given back twice.
            with trio.CancelScope(shield=True):
                await self._slots.acquire()

    # --- by itself -------------------------------------------------------------------------------------------------

    async def _keep_to(self, schedule: Schedule, working: trio.Nursery) -> None:
        due = schedule.rhythm.after(self.home.now())
        while True:
            # Not past it in one go: the wall clock may have been set meanwhile.
            left = (due - self.home.now()).total_seconds()
            if left > 0:
                await trio.sleep(min(left, 60.0))
                continue
            run = Run(name=schedule.name, call=schedule.handler, message=None, event=None)
            await self._slots.acquire()
            working.start_soon(self._handle, run, f"{self.place.id}.{due.isoformat()}")
            due = schedule.rhythm.after(max(due, self.home.now()))

    # --- the cursor ------------------------------------------------------------------------------------------------

    async def _save_often(self) -> None:
        while True:
            await self._progress.changed.wait()
            await trio.sleep(SAVE_SECONDS)
            await self._save()

    async def _save(self) -> None:
        self._progress.changed = trio.Event()
        data = self._progress.dump()
        if data is not None:
            try:
                await self.home.shelf.put(cursor_key(self.place.id), data)
            except ChatError as problem:
                self._progress.changed.set()
                self.bot.log.warning("the cursor could not be stored: %s", problem.message)


def cursor_key(workspace_id: str) -> str:
    """Where on its shelf a bot keeps how far it has come."""
    return f"chatcore.cursor.{workspace_id}"


async def _nothing(ctx: Context) -> None:
    pass
