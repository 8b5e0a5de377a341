"""A transaction that writes, and the locks that it holds.

Whoever changes something in a workspace holds the lock of its row until the commit. Most get it by adding an event.
What reads before it writes gets it first, or has to find out afterwards whether somebody else came in between
(`stale`).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from chat_storage_postgres.columns import known_id
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.memory import Memory
from chat_storage_postgres.stale import Snapshot

T = TypeVar("T")

_BEGIN = "SELECT pg_current_snapshot()::text, pg_current_xact_id()::text"
# By a statement of its own: one that waits for a lock still sees everything else as it was before it waited. In the
# order of their ids, so that two nodes never wait for each other in a circle. The transaction's number comes along.
_LOCK = """
    SELECT id, pg_current_xact_id()::text FROM workspaces
    WHERE id = ANY($1::uuid[]) OR id IN (SELECT workspace_id FROM channels WHERE id = ANY($2::uuid[]))
    ORDER BY id FOR NO KEY UPDATE
"""


@attrs.frozen
class Plan:
    """How a batch is to be done: at first without ado, and again with what the last attempt has taught.

    `locks`: workspaces to lock before anything is read. `careful`: each statement by itself, so that an act can go on
    after an error that it caught. `asks`: nothing that is remembered is relied on.
    """

    locks: frozenset[str] = frozenset()
    careful: bool = False
    asks: bool = False


class Again(BaseException):
    """Begin the whole transaction again, by this plan. No `except Exception` of an act may stop it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan


class Transaction(Connection):
    """`xid` is its number, once there is one; `locked` are the workspaces that nobody else can change meanwhile.

    `broken`: a statement failed, and PostgreSQL refuses every other one until the act is taken back. `memory`: what
    posts may rely on, if they may.
    """

    writes = True

    def __init__(self, raw: Any, slow_ms: float, plan: Plan, memory: Memory | None = None) -> None:
        super().__init__(raw, slow_ms)
        self.plan = plan
        self.memory = memory
        self.xid: str | None = None
        self.locked: set[str] = set()
        self.locked_channels: set[str] = set()
        self.broken = False
        self._snapshot: Snapshot | None = None
        self._in_act = False
        self._held: tuple[set[str], set[str]] = (set(), set())

    async def begin(self, *, begun: bool, works: bool, channels: Collection[str]) -> None:
        """Begin, unless that is `begun`.

        `works` says whether anything else than posts will be done; `channels` are those of the posts, which lock them
        themselves when nothing else is done.
        """
        if not begun:
            await self.control("BEGIN ISOLATION LEVEL READ COMMITTED")
        if works:
            snapshot, self.xid = (await self.rows(_BEGIN))[0]
            self._snapshot = Snapshot.parse(snapshot)
        if (channels and works) or self.plan.locks:
            await self._lock(sorted(self.plan.locks), sorted(channels))

    def took(self, snapshot: str, xid: str, workspaces: Mapping[str, int | None], channels: Iterable[str]) -> bool:
        """A statement took the locks of these channels' workspaces. `workspaces`: each with its row's xmin; None for
        one that was deleted meanwhile.

        Returns whether what the same statement read, seeing by this snapshot, still held when it had them.
        """
        self.xid = xid
        self.locked.update(workspaces)
        self.locked_channels.update(channels)
        seen = Snapshot.parse(snapshot)
        return all(changed_by is not None and seen.knows(changed_by) for changed_by in workspaces.values())

    async def lock_channel(self, channel_id: str) -> None:
        if channel_id not in self.locked_channels:
            await self._lock([], [channel_id])

    async def control(self, command: str) -> str:
        """Execute a command about the transaction; how PostgreSQL calls what it did."""
        status: str = await super()._do(self.raw.execute, command, ())
        return status

    async def mark(self) -> None:
        """From here on everything can be taken back alone."""
        await self.control("RELEASE SAVEPOINT act; SAVEPOINT act" if self._in_act else "SAVEPOINT act")
        self._in_act = True
        self._held = set(self.locked), set(self.locked_channels)

    async def take_back(self) -> None:
        """Undo what was done since `mark`; locks that were got since are gone."""
        await self.control("ROLLBACK TO SAVEPOINT act")
        self.broken = False
        self.locked, self.locked_channels = set(self._held[0]), set(self._held[1])

    def made(self, workspace_id: str) -> None:
        self.locked.add(workspace_id)

    def check_fresh(self, workspace_id: str, changed_by: int) -> None:
        """What was read about a workspace must still hold now that its lock is got. `changed_by`: its row's xmin.

        Raises Again.
        """
        if workspace_id in self.locked:
            return
        if self._snapshot is not None and not self._snapshot.knows(changed_by):
            raise Again(attrs.evolve(self.plan, locks=self.plan.locks | self.locked | {workspace_id}))
        self.locked.add(workspace_id)

    async def _lock(self, workspaces: list[str], channels: list[str]) -> None:
        channels = [known_id(channel_id) for channel_id in channels]
        for id_, xid in await self.rows(_LOCK, workspaces, channels):
            self.locked.add(id_)
            self.xid = xid
        self.locked_channels.update(channels)

    async def _do(self, method: Callable[..., Awaitable[T]], sql: str, values: tuple[Any, ...]) -> T:
        if self.broken:
            raise Again(attrs.evolve(self.plan, careful=True))
        if self.plan.careful:
            return await self._do_carefully(method, sql, values)
        try:
            return await super()._do(method, sql, values)
        except BaseException:
            self.broken = True
            raise

    async def _do_carefully(self, method: Callable[..., Awaitable[T]], sql: str, values: tuple[Any, ...]) -> T:
        await self.control("SAVEPOINT statement")
        try:
            result = await super()._do(method, sql, values)
        except Exception:
            await self.control("ROLLBACK TO SAVEPOINT statement; RELEASE SAVEPOINT statement")
            raise
        await self.control("RELEASE SAVEPOINT statement")
        return result
