"""The storage port on SQLite: two lanes, one for writing and one for reading, and what surrounds them."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import trio

from chat_storage_sqlite.batch import Act, Work
from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.tx import SqliteTx
from chatcore.errors import ChatError
from chatcore.ids import WorkspaceId
from chatcore.ports import Clock, Envelope, Post, Posted, Tx

T = TypeVar("T")
CommitListener = Callable[[Sequence[Envelope]], None]

PROBE_SECONDS = 1.0
"""How long a storage that failed may take to show that it works again."""

log = logging.getLogger("chatcore.storage")


class Lanes(Protocol):
    """Where transactions run: threads for a file, the Trio thread for a database in memory."""

    async def write(self, act: Act) -> Any: ...

    async def read(self, act: Act) -> Any: ...

    async def copy(self, target: Path) -> None: ...

    def facts(self) -> dict[str, Any]: ...


class Commits:
    """Who is told of commits."""

    def __init__(self) -> None:
        self.listeners: list[CommitListener] = []

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        for listener in self.listeners:
            try:
                listener(envelopes)
            except Exception:
                log.exception("a commit listener failed; what it was told stays committed")


class SqliteStorage:
    """See `chatcore.ports.storage.Storage`."""

    def __init__(self, lanes: Lanes, commits: Commits, epoch: str, clock: Clock) -> None:
        self._lanes = lanes
        self._commits = commits
        self._epoch = epoch
        self._clock = clock

    @property
    def epoch(self) -> str:
        return self._epoch

    def on_commit(self, listener: CommitListener) -> None:
        self._commits.listeners.append(listener)

    async def read(self, work: Callable[[Tx], Awaitable[T]], *, about: WorkspaceId | None = None) -> T:
        result: T = await self._lanes.read(self._act(work))
        return result

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        result: T = await self._lanes.write(self._act(work))
        return result

    async def post(self, post: Post) -> Posted:
        posted: Posted = await self._lanes.write(self._act(post))
        return posted

    async def health(self) -> dict[str, Any]:
        facts = self._lanes.facts()
        if not facts.pop("failed", False):
            return {"ok": not facts.get("stuck", False), **facts}
        # The last transaction failed. Another one shows whether that is over: nobody may come to write before that.
        reason = "The database does not answer."
        with trio.move_on_after(PROBE_SECONDS):
            try:
                await self.write(_try_room)
                await self.write(_give_room_back)
            except ChatError as error:
                reason = error.message
            else:
                return {"ok": True, **facts}
        return {"ok": False, "reason": reason, **facts}

    async def backup(self, target: str) -> None:
        await self._lanes.copy(Path(target))

    def _act(self, what: Post | Work) -> Act:
        return Act(what, to_ms(self._clock.now()))


async def _try_room(tx: Tx) -> None:
    assert isinstance(tx, SqliteTx)
    tx.try_room()


async def _give_room_back(tx: Tx) -> None:
    assert isinstance(tx, SqliteTx)
    tx.give_room_back()
