"""Several nodes of one installation in one process: chats that share a storage in memory, and meet on an `Exchange`.

    async with open_nodes(2) as site:
        here, there = site.chats

Nothing in it waits for a network or a disk, so the autojump clock may be used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import attrs

from chatcore.chat import Chat, open_chat
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.hooks import Hooks, hookimpl
from chatcore.hooks.providers import by_url
from chatcore.ids import WorkspaceId
from chatcore.ports import Clock, Envelope, Post, Posted, Provider, ProviderContext, Storage, Tx
from chatcore.ports.storage import CommitListener
from chatcore.testing.exchange import Exchange

T = TypeVar("T")


class SharedStorage:
    """One database, and for each node a storage that tells of that node's own commits only."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.committing: NodeStorage | None = None
        storage.on_commit(self._committed)

    def _committed(self, envelopes: Sequence[Envelope]) -> None:
        # A storage in memory commits within the call that asked for it.
        assert self.committing is not None
        for listener in self.committing.listeners:
            listener(envelopes)


class NodeStorage:
    """A `chatcore.ports.Storage` for one node."""

    def __init__(self, shared: SharedStorage) -> None:
        self._shared = shared
        self.listeners: list[CommitListener] = []

    @property
    def epoch(self) -> str:
        return self._shared.storage.epoch

    def on_commit(self, listener: CommitListener) -> None:
        self.listeners.append(listener)

    async def read(self, work: Callable[[Tx], Awaitable[T]], *, about: WorkspaceId | None = None) -> T:
        return await self._shared.storage.read(work, about=about)

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        async def ours(tx: Tx) -> T:
            self._shared.committing = self
            return await work(tx)

        return await self._shared.storage.write(ours)

    async def post(self, post: Post) -> Posted:
        self._shared.committing = self
        return await self._shared.storage.post(post)

    async def health(self) -> dict[str, Any]:
        return await self._shared.storage.health()

    async def backup(self, target: str) -> None:
        await self._shared.storage.backup(target)


@attrs.define(eq=False)
class Node:
    """The plugin that makes a chat one of several."""

    name: str
    shared: SharedStorage
    exchange: Exchange

    @hookimpl
    def register_providers(self) -> list[Provider]:
        return [
            Provider(kind="storage", name="shared", factory=self._open_storage, schemes=("memory+shared",)),
            Provider(kind="bus", name="exchange", factory=self._open_bus, schemes=("memory+shared",)),
        ]

    @asynccontextmanager
    async def _open_storage(self, context: ProviderContext) -> AsyncIterator[Storage]:
        yield NodeStorage(self.shared)

    def _open_bus(self, context: ProviderContext) -> AbstractAsyncContextManager[Any]:
        return self.exchange.node(self.name, context.storage)


@attrs.define(eq=False)
class Nodes:
    """The nodes, which are called `node 1`, `node 2` and so on where the exchange is told to fail.

    `clock`: that of those which are opened from now on.
    """

    exchange: Exchange
    chats: list[Chat]
    _shared: SharedStorage
    _config: Config
    clock: Clock
    _plugins: Callable[[str], Iterable[Any]]

    @asynccontextmanager
    async def another(self, name: str) -> AsyncIterator[Chat]:
        """One more node, for as long as the context is open."""
        node = Node(name, self._shared, self.exchange)
        async with open_chat(config=self._config, clock=self.clock, plugins=[node, *self._plugins(name)]) as chat:
            yield chat


@asynccontextmanager
async def open_nodes(
    count: int,
    *,
    exchange: Exchange | None = None,
    clock: Clock | None = None,
    plugins: Callable[[str], Iterable[Any]] = lambda name: (),
    **settings: Any,
) -> AsyncIterator[Nodes]:
    """So many nodes. plugins: those of a node, given its name. settings: of each node's configuration."""
    clock = clock or SystemClock()
    settings = {
        "database_url": "memory:",
        "secret": "a secret that all nodes share, 32 bytes",
        "voice": "off",
    } | settings
    base = Config(**settings)
    provider = by_url(Hooks(base).providers(), "storage", base.database_url, "database_url")
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(
            provider.factory(ProviderContext(config=base, clock=clock, data_dir=None))
        )
        config = attrs.evolve(base, database_url="memory+shared:")
        site = Nodes(exchange or Exchange(), [], SharedStorage(storage), config, clock, plugins)
        for number in range(1, count + 1):
            site.chats.append(await stack.enter_async_context(site.another(f"node {number}")))
        yield site
