"""The writer: one task, one connection, a transaction for whatever has gathered while the last one was committed."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import trio
from outcome import Error

from chat_storage_postgres.analyst import Analyst
from chat_storage_postgres.batch import Act
from chat_storage_postgres.commit import Committer, Done
from chat_storage_postgres.faults import again
from chat_storage_postgres.job import MAX_WAITING, PATIENCE, Job, finish, is_late
from chat_storage_postgres.link import Link
from chatcore.bridge import Bridge
from chatcore.errors import ChatError, Unavailable
from chatcore.ports import Envelope

MAX_BATCH = 200
"""Acts in one transaction. More would save little, and keep the workspace's lock from other nodes."""
SMALL_BATCH = 10
"""So few are never divided: a transaction costs as much as ten messages."""

Deliver = Callable[[Sequence[Envelope]], None]

log = logging.getLogger("chatcore.storage")


class Writer:
    """`deliver` is called in the Trio thread after each commit, before the callers resume."""

    def __init__(self, bridge: Bridge, link: Link, committer: Committer, analyst: Analyst, deliver: Deliver) -> None:
        self.failure: BaseException | None = None
        self.max_waiting = MAX_WAITING
        self._bridge = bridge
        self._link = link
        self._committer = committer
        self._analyst = analyst
        self._deliver = deliver
        self._lock = threading.Lock()
        # In the Trio thread.
        self._closed = False
        self._put = 0
        # In both: who waits, put in by the one and taken out by the other; and whether the other has to be woken.
        self._waiting: deque[Job[Act]] = deque()
        self._resting = False
        # On the loop.
        self._taken = self._last = 0
        self._arrived = asyncio.Event()
        self._busy_since: float | None = None
        self._ending = False
        self._task: asyncio.Task[None] | None = None

    # --- in the Trio thread ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._put - self._taken

    def is_stuck(self) -> bool:
        """Whether the transaction that is under way has taken far too long: a server that does not answer."""
        since = self._busy_since
        return since is not None and monotonic() - since > 2 * PATIENCE

    async def submit(self, act: Act) -> Any:
        """Have the act done, and wait for its outcome. Raises Unavailable, and what the act raises."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise Unavailable("The storage is closed.")
        if len(self) >= self.max_waiting or self.is_stuck():
            raise Unavailable("The storage has too much to do. Try again in a moment.")
        job = Job(act, self._lock)
        self._put += 1
        self._waiting.append(job)
        if self._resting:
            self._resting = False
            self._bridge.signal(self._arrived.set)
        return await trio.lowlevel.wait_task_rescheduled(job.withdraw)

    async def open(self) -> None:
        """Begin to work."""
        await self._bridge.run(self._start)

    async def close(self) -> None:
        """Do what waits, then end."""
        self._closed = True
        await self._bridge.run(self._finish)

    def _finish_in_trio(self, jobs: list[Job[Act]], done: Done) -> None:
        if done.envelopes:
            self._deliver(done.envelopes)
        finish(jobs, done.outcomes)

    # --- on the loop -------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="chatcore-storage-writer")

    async def _finish(self) -> None:
        self._ending = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        await self._analyst.close()
        await self._link.close()

    async def _rest(self) -> None:
        """Wait until something waits."""
        self._resting = True
        if not self._waiting:
            await self._arrived.wait()
        self._resting = False
        self._arrived.clear()

    async def _run(self) -> None:
        try:
            while not self._ending or self._waiting:
                await self._rest()
                while self._waiting:
                    await self._round()
                await self._committer.rest()
        finally:
            self._resting = True  # who comes now tries to wake a loop that ends, and hears of it
            left = self._begin(list(self._waiting))
            self._refuse(left, Unavailable("The storage is closed."))

    async def _round(self) -> None:
        """One transaction, for callers that are still there."""
        if not self._link.up:
            try:
                await self._link.get(0.5)
            except ChatError as error:
                self._refuse_late(error)
                return
        jobs = self._begin(self._take())
        if not jobs:
            return
        self._busy_since = monotonic()
        try:
            done = await self._committer.commit([job.act for job in jobs], self._has_more)
        except ChatError as error:
            self._refuse(jobs, error)
        except Exception as error:
            # A fault of ours, or one of PostgreSQL that is not in our book: whoever waits must not wait for ever.
            log.exception("the writer broke down, and goes on")
            self._link.drop(error)
            self._refuse(jobs, Unavailable("The storage broke down. Try again."))
        except BaseException:
            self._refuse(jobs, Unavailable("The storage is closed."))
            raise
        else:
            self.failure = None
            self._bridge.call_soon(self._finish_in_trio, jobs, done)
            self._analyst.count(len(jobs))
        finally:
            self._busy_since = None

    def _has_more(self) -> bool:
        return bool(self._waiting)

    def _take(self) -> list[Job[Act]]:
        """Those that are to be done next: half of all who are about, counting the last ones, who come back now."""
        half = (len(self._waiting) + self._last + 1) // 2
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), max(half, SMALL_BATCH), MAX_BATCH))]
        self._last = len(taken)
        self._taken += len(taken)
        return taken

    def _begin(self, jobs: Sequence[Job[Act]]) -> list[Job[Act]]:
        """Those of the jobs that still have a caller: from now on these cannot be withdrawn."""
        with self._lock:
            return [job for job in jobs if job.begin()]

    def _refuse_late(self, error: ChatError) -> None:
        """The database is away. Who has waited long enough is told; who came just now waits on."""
        late = []
        while self._waiting and (self._ending or is_late(self._waiting[0])):
            late.append(self._waiting.popleft())
        self._taken += len(late)
        self._refuse(self._begin(late), error)

    def _refuse(self, jobs: list[Job[Act]], error: ChatError) -> None:
        if jobs:
            self.failure = error
            self._bridge.call_soon(finish, jobs, [Error(again(error)) for _ in jobs])
