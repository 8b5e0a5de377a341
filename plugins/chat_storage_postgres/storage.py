"""The storage port on PostgreSQL: two lanes, one for writing and one for reading, and what surrounds them."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

import trio

from chat_storage_postgres.batch import Act, Work
from chat_storage_postgres.job import MAX_WAITING, PATIENCE
from chat_storage_postgres.readers import Readers
from chat_storage_postgres.replica import Replica
from chat_storage_postgres.tx import Setting
from chat_storage_postgres.writer import Writer
from chatcore.bridge import Bridge, BridgeError
from chatcore.errors import ChatError, Unavailable
from chatcore.ids import WorkspaceId
from chatcore.ports import Clock, Envelope, Post, Posted, Tx

T = TypeVar("T")
CommitListener = Callable[[Sequence[Envelope]], None]

PROBE_SECONDS = 1.0
"""How long a storage that failed may take to show that it works again."""

log = logging.getLogger("chatcore.storage")


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


class PostgresStorage:
    """See `chatcore.ports.storage.Storage`."""

    def __init__(
        self,
        bridge: Bridge,
        writer: Writer,
        readers: Readers,
        replica: Replica | None,
        commits: Commits,
        setting: Setting,
        clock: Clock,
    ) -> None:
        self._bridge = bridge
        self._writer = writer
        self._readers = readers
        self._replica = replica
        self._commits = commits
        self._setting = setting
        self._clock = clock
        self._reading = 0
        self._closed = False

    @property
    def epoch(self) -> str:
        return self._setting.epoch

    def on_commit(self, listener: CommitListener) -> None:
        self._commits.listeners.append(listener)

    async def read(self, work: Callable[[Tx], Awaitable[T]], *, about: WorkspaceId | None = None) -> T:
        if self._closed:
            raise Unavailable("The storage is closed.")
        if self._reading >= MAX_WAITING:
            raise Unavailable("The storage has too much to read. Try again in a moment.")
        self._reading += 1
        try:
            act, now = self._act(work), monotonic()
            result: T
            if about is None or self._replica is None:
                result = await self._bridge.run(self._readers.read, act, now)
            else:
                result = await self._bridge.run(self._replica.read, act, now, about)
            return result
        except BridgeError as error:
            raise Unavailable("The storage is closed.") from error
        finally:
            self._reading -= 1

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        result: T = await self._writer.submit(self._act(work))
        return result

    async def post(self, post: Post) -> Posted:
        posted: Posted = await self._writer.submit(self._act(post))
        return posted

    async def health(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"waiting_writes": len(self._writer), "waiting_reads": self._reading}
        if self._replica is not None:
            facts["replica"] = self._replica.facts()
        if self._writer.is_stuck():
            return {"ok": False, "reason": "The database does not answer.", **facts}
        if self._writer.failure is None and self._readers.failure is None:
            return {"ok": True, **facts}
        # The last transaction failed. Another one shows whether that is over: nobody may come to write before that.
        reason = "The database does not answer."
        with trio.move_on_after(PROBE_SECONDS):
            try:
                await self.write(_probe)
                await self.read(_look)
            except ChatError as error:
                reason = error.message
            else:
                return {"ok": True, **facts}
        return {"ok": False, "reason": reason, **facts}

    async def backup(self, target: str) -> None:
        raise Unavailable(
            "PostgreSQL is backed up by its own means: pg_dump for a copy, pg_basebackup and WAL archiving for more."
        )

    async def close(self) -> None:
        """Do what waits to be written, let those who read come to an end. Not to be interrupted."""
        self._closed = True
        with trio.CancelScope(shield=True):
            await self._writer.close()
            if self._replica is not None:
                await self._bridge.run(self._replica.close, PATIENCE)
            await self._bridge.run(self._readers.close)

    def _act(self, what: Post | Work) -> Act:
        return Act(what, self._clock.now())


async def _probe(tx: Tx) -> None:
    await tx.counters.save({})


async def _look(tx: Tx) -> None:
    await tx.events.positions([])
