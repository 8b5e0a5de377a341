"""A bot's life: every workspace that it is in, at once; those that it is brought into later, too."""

import logging

import trio

from chatcore.bot import help as help_texts
from chatcore.bot.bot import Bot
from chatcore.bot.place import Home
from chatcore.bot.progress import Progress
from chatcore.bot.runner import Runner, cursor_key
from chatcore.errors import ChatError, Unauthorized, leaves
from chatcore.ids import WorkspaceId

LOOK_SECONDS = 20.0
"""How often a bot looks for workspaces that it was brought into."""

log = logging.getLogger("chatcore.bot")


class Life:
    """See the module. `look` looks for workspaces at once."""

    def __init__(self, bot: Bot, home: Home) -> None:
        self.bot = bot
        self.stop = trio.Event()
        self._home = home
        self._open: dict[WorkspaceId, str] = {}
        self._news = trio.Event()

    def look(self) -> None:
        """The bot may be in another workspace now."""
        self._news.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until `stop` is set and what was begun is done. It has started once it hears all of its workspaces.

        Raises ChatError when the first look fails; Unauthorized, perhaps in a group, once the bot may not be there at
        all.
        """
        self.bot.calls.home = self._home
        try:
            await self._run(task_status)
        finally:
            self.bot.calls.home = None

    async def _run(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            await self._enter(nursery)
            if not self._open:
                log.warning(
                    "%s is in no workspace yet, and waits: `chatcore workspace add` brings it into one", self.bot.name
                )
            await self._announce()
            task_status.started()
            async with trio.open_nursery() as looking:
                looking.start_soon(self._keep_looking, nursery)
                await self.stop.wait()
                looking.cancel_scope.cancel()

    async def _announce(self) -> None:
        try:
            await self._home.announce(help_texts.announced(self.bot))
        except ChatError as problem:
            # What is typed is answered all the same; only nobody is offered it while typing.
            log.warning("%s: the commands could not be announced: %s", self.bot.name, problem.message)

    async def _keep_looking(self, nursery: trio.Nursery) -> None:
        while True:
            with trio.move_on_after(LOOK_SECONDS):
                await self._news.wait()
            self._news = trio.Event()
            try:
                await self._enter(nursery)
            except Unauthorized:
                raise
            except ChatError as problem:
                log.warning("%s: cannot look for workspaces: %s", self.bot.name, problem.message)

    async def _enter(self, nursery: trio.Nursery) -> None:
        for id_, slug in (await self._home.workspaces()).items():
            if id_ not in self._open:
                self._open[id_] = slug
                entered = trio.Event()
                nursery.start_soon(self._live_in, id_, slug, entered)
                await entered.wait()

    async def _live_in(self, id_: WorkspaceId, slug: str, entered: trio.Event) -> None:
        """One workspace. Should it end badly, the next look begins it again."""
        try:
            progress = Progress(await self._home.shelf.get(cursor_key(id_)))
            async with self._home.open(slug, progress.since) as place:
                entered.set()
                log.info("%s listens in %s", self.bot.name, slug)
                await Runner(self.bot, self._home, place, progress).run(self.stop)
        except Exception as error:
            # What the runner raises comes in groups, one around the other.
            problem = next(leaves(error))
            if isinstance(problem, Unauthorized) or not all(isinstance(each, ChatError) for each in leaves(error)):
                raise
            log.warning("%s: %s: %s", self.bot.name, slug, problem)
        finally:
            self._open.pop(id_, None)
            entered.set()
