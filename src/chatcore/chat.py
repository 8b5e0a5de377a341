"""`open_chat`: where everything meets.

Plugins are loaded, ports are opened, services are wired, and a nursery owns the rest.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import trio

from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.errors import ChatError, PositionLost
from chatcore.hooks import Hooks
from chatcore.hooks.providers import choose
from chatcore.model import Position
from chatcore.policy import Action
from chatcore.ports import (
    Authenticator,
    Background,
    Bus,
    Clock,
    Peers,
    PresenceTracker,
    ProviderContext,
    Storage,
    TokenCodec,
    Voice,
    background,
)
from chatcore.service.attachments import Attachments
from chatcore.service.audit import Audit
from chatcore.service.channels import Channels
from chatcore.service.commands import Commands
from chatcore.service.core import Cards, Core, UserRef, WorkspaceRef, id_of
from chatcore.service.hub import Directory, Hub
from chatcore.service.huddles import Huddles
from chatcore.service.invites import Invites
from chatcore.service.members import Members
from chatcore.service.messages import Messages
from chatcore.service.presence import PresenceService
from chatcore.service.reactions import Reactions
from chatcore.service.reads import Reads
from chatcore.service.search import SearchService
from chatcore.service.sessions import Sessions
from chatcore.service.subscription import Subscription
from chatcore.service.switches import Switches
from chatcore.service.tokens import Tokens
from chatcore.service.typing import TypingIndicators
from chatcore.service.users import Users
from chatcore.service.workspaces import Workspaces

EVENT_WINDOW = timedelta(days=7)
"""How long the event log is kept: how long a client may be away and still resume."""
TRIM_SECONDS = 3600.0

log = logging.getLogger("chatcore")


@attrs.frozen(kw_only=True)
class Ports:
    """The open implementations of the ports."""

    storage: Storage
    bus: Bus
    peers: Peers
    presence: PresenceTracker
    codec: TokenCodec
    authenticators: tuple[Authenticator, ...]
    voice: Voice | None = None


class Chat:
    """One chat: its services by noun, and its events. Made by `open_chat`."""

    def __init__(self, config: Config, clock: Clock, hooks: Hooks, ports: Ports) -> None:
        self.config = config
        self.clock = clock
        self.hooks = hooks
        self.storage = ports.storage
        self.hub = Hub(ports.storage, ports.bus)
        self._ports = ports
        core = Core(
            config=config,
            clock=clock,
            storage=ports.storage,
            hooks=hooks,
            hub=self.hub,
            peers=ports.peers,
            cards=Cards(ports.storage),
        )
        self._core = core
        self.sessions = Sessions(core, ports.authenticators, ports.codec)
        self.tokens = Tokens(core, self.sessions.revocations)
        self.users = Users(core, ports.authenticators, self.sessions)
        self.workspaces = Workspaces(core)
        self.members = Members(core)
        self.invites = Invites(core)
        self.channels = Channels(core)
        self.commands = Commands(core, self)
        self.messages = Messages(core, self.commands)
        self.reactions = Reactions(core, self.messages)
        self.reads = Reads(core)
        self.typing = TypingIndicators(core)
        self.presence = PresenceService(core, ports.presence)
        self.huddles = Huddles.of(core, ports.voice)
        self.search = SearchService(core, self.messages)
        self.attachments = Attachments(core)
        self.audit = Audit(core)
        self.switches = Switches(core)

    @property
    def directory(self) -> Directory:
        """Who is a member of what, for the workspaces that are open here."""
        return self.hub.directory

    @property
    def bus(self) -> Bus:
        """What carries events between nodes."""
        return self._ports.bus

    @property
    def codec(self) -> TokenCodec:
        """Signs what is handed to clients and comes back from them."""
        return self._ports.codec

    @asynccontextmanager
    async def subscribe(
        self, user: UserRef, workspace: WorkspaceRef, *, since: Position | None = None
    ) -> AsyncIterator[Subscription]:
        """The events of a workspace, as the user may receive them, from now on, or from an earlier position on.

        Raises NotFound for who is no member, PositionLost when what came after `since` can no longer be given
        completely.
        """
        facts = await self._core.workspace(workspace, id_of(user), Action.WORKSPACE_VIEW)
        now = await self.hub.position(facts.workspace_id, since)
        if since is not None and not await self.hub.resumable(facts.workspace_id, since, now.seq):
            raise PositionLost("The events after this position are gone: read the workspace afresh.")
        subscription = Subscription(self.hub, facts, id_of(user), since or now)
        if since is not None:
            subscription.lag_behind()
        with self.hub.attach(subscription):
            yield subscription

    async def health(self) -> dict[str, Any]:
        """The health of every part: `{"ok": bool, "storage": {...}, "bus": {...}, ...}`. Never raises."""
        parts = {
            "storage": await self.storage.health(),
            "bus": await self._ports.bus.health(),
            "presence": await self._ports.presence.health(),
            "plugins": self.hooks.health(),
            "tasks": self._tasks.health(),
        }
        if self._ports.voice is not None:
            parts["voice"] = await self._ports.voice.health()
        return {"ok": all(part.get("ok") is True for part in parts.values()), **parts}

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Receive events; what the services remember follows them before anybody else hears of them."""
        with ExitStack() as following:
            following.enter_context(self.hub.receiving())
            for listener in (self._core.cards, self.presence, *self.huddles.listeners):
                following.enter_context(self.hub.attach(listener))
            yield

    async def _run(self, tasks: Background) -> None:
        self._tasks = tasks
        self.presence.start()
        self.huddles.start_tasks(tasks)
        tasks.keep("hub", self.hub.run)
        tasks.keep("event log trimming", self._trim)
        await tasks.start("sessions", self.sessions.run)
        await tasks.start("bot tokens", self.tokens.run)
        if not self.config.database_url.startswith("memory"):
            await tasks.start("plugin switches", self.switches.run)

    async def _trim(self) -> None:
        """Forget events that are older than the window, now and every hour."""
        while True:
            before = self.clock.now() - EVENT_WINDOW
            try:
                await self.storage.write(lambda tx, before=before: tx.events.trim(before))  # type: ignore[misc]
            except ChatError as error:
                log.warning("the event log could not be trimmed; trying again in an hour: %s", error.message)
            await trio.sleep(TRIM_SECONDS)


@asynccontextmanager
async def open_chat(
    url: str | None = None,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    plugins: Iterable[Any] = (),
    jobs: bool = True,
) -> AsyncIterator[Chat]:
    """Open a chat in this program.

    url: the database, `sqlite:///team.db` (made and migrated when it is not there) or `memory:`; by default that of
    `config`.
    plugins: modules or objects with hook implementations, beside the installed ones.
    jobs: False leaves the periodic work of plugins to others, and the settings of plugins that are not here alone, for
    a program that only looks in. Raises ConfigError.
    """
    config = config or Config()
    if url is not None:
        config = attrs.evolve(config, database_url=url)
    hooks = Hooks(config, plugins, strict=jobs)
    config = await hooks.configure(config)
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        chat = Chat(config, clock, hooks, await _open_ports(stack, config, clock, hooks))
        stack.enter_context(chat._following())
        await chat._run(await stack.enter_async_context(background()))
        await stack.enter_async_context(hooks.running(chat, jobs=jobs))
        yield chat


async def _open_ports(stack: AsyncExitStack, config: Config, clock: Clock, hooks: Hooks) -> Ports:
    chosen = choose(hooks.providers(), config)
    context = ProviderContext(
        config=config, clock=clock, data_dir=data_dir(config.database_url), plugin_tables=hooks.plugin_tables()
    )
    storage = await stack.enter_async_context(chosen.storage.factory(context))
    context = attrs.evolve(context, storage=storage)
    bus = await stack.enter_async_context(chosen.bus.factory(context))
    peers = Peers(bus, alone=chosen.bus.name == "memory")
    stack.enter_context(peers.listening())
    context = attrs.evolve(context, peers=peers)
    return Ports(
        storage=storage,
        bus=bus,
        peers=peers,
        presence=await stack.enter_async_context(chosen.presence.factory(context)),
        codec=await stack.enter_async_context(chosen.token.factory(context)),
        authenticators=tuple([await stack.enter_async_context(each.factory(context)) for each in chosen.auth]),
        voice=None if chosen.voice is None else await stack.enter_async_context(chosen.voice.factory(context)),
    )


def data_dir(database_url: str) -> Path | None:
    """Where small files (a generated secret) are kept: beside a database file; nowhere for one in memory."""
    scheme, _, rest = database_url.partition("://")
    if scheme.startswith("memory"):
        return None
    return Path(rest.removeprefix("/")).parent if scheme == "sqlite" else Path()
