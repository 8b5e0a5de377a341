"""What is done inside one transaction: the acts of many callers, each of which succeeds or fails alone."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import groupby
from time import perf_counter
from typing import Any

import attrs
from outcome import Error, Outcome, Value

from chat_storage_postgres.faults import AGAIN, READ_ONLY, Lost
from chat_storage_postgres.posting import Run, post_run
from chat_storage_postgres.transaction import Again, Transaction
from chat_storage_postgres.tx import PostgresTx, Setting
from chatcore.errors import ChatError, StorageFull, Unavailable
from chatcore.ports import Envelope, Post, Tx

Work = Callable[[Tx], Awaitable[Any]]

log = logging.getLogger("chatcore.storage")


@attrs.define(eq=False)
class Act:
    """What a caller wants done, and the time at which they asked: clocks are read in the Trio thread only."""

    what: Post | Work
    now: datetime


@attrs.define(eq=False)
class Batch:
    """The outcomes of the acts so far, in order, and the events that they appended; both count after the COMMIT."""

    db: Transaction
    setting: Setting
    outcomes: list[Outcome[Any]] = attrs.field(factory=list)
    envelopes: list[Envelope] = attrs.field(factory=list)
    run: Run | None = None
    """The posts, if they were done in one go."""
    failed_alone: bool = False
    """The only act failed: there is nothing to commit."""
    _sealed: list[tuple[Envelope, int]] = attrs.field(factory=list)

    async def perform(self, acts: Sequence[Act], *, begun: bool = False) -> None:
        """Do these in a transaction, which may be `begun`. Raises only what ends it: then none of them has happened."""
        posts = [act.what for act in acts if isinstance(act.what, Post)]
        channels = {post.message.channel_id for post in posts}
        await self.db.begin(begun=begun, works=len(posts) < len(acts), channels=channels)
        for are_posts, group in groupby(acts, key=lambda act: isinstance(act.what, Post)):
            members = list(group)
            if are_posts:
                await self._post(members)
            else:
                for act in members:
                    await self._work(act, alone=len(acts) == 1)

    def committed(self) -> list[Envelope]:
        """Stamp the envelopes of the posts with their places, and remember these; all envelopes in order."""
        if self.db.memory is not None and self.run is not None and self.db.xid is not None:
            self.db.memory.learn(self.run.rows, self.db.xid)
        for envelope, seq in self._sealed:
            envelope.epoch, envelope.seq = self.setting.epoch, seq
        return self.envelopes

    async def _post(self, acts: list[Act]) -> None:
        if not self.db.plan.careful:
            await self._run(acts)
            return
        # Something that only the tables refuse was among them. One by one, so that it fails alone.
        for act in acts:
            await self.db.mark()
            try:
                await self._run([act])
            except ChatError as error:
                await self.db.take_back()
                self.outcomes.append(Error(error))

    async def _run(self, acts: list[Act]) -> None:
        posts = [act.what for act in acts if isinstance(act.what, Post)]
        try:
            run = await post_run(self.db, posts, acts[-1].now)
        except Unavailable:
            raise
        except ChatError:
            if self.db.plan.careful:
                raise
            asked = self.db.memory is None or self.db.plan.asks
            raise Again(attrs.evolve(self.db.plan, asks=True, careful=asked)) from None
        self.run = None if self.db.plan.careful else run
        self._sealed += run.sealed
        self.envelopes += (envelope for envelope, _ in run.sealed)
        self.outcomes += (Error(made) if isinstance(made, ChatError) else Value(made) for made in run.outcomes)

    async def _work(self, act: Act, *, alone: bool) -> None:
        assert not isinstance(act.what, Post)
        tx = PostgresTx(self.db, self.setting, act.now)
        if not alone:
            await self.db.mark()
        try:
            outcome: Outcome[Any] = Value(await drive(act.what, tx, self.setting.slow_ms))
        except (Lost, StorageFull, *AGAIN, *READ_ONLY):
            raise
        except Exception as error:  # whatever it is, it belongs to the caller of this act
            outcome = Error(error)
        if isinstance(outcome, Value):
            if self.db.broken:
                # It caught the error of a statement and went on; nothing of what it did before would be kept.
                raise Again(attrs.evolve(self.db.plan, careful=True))
            self.envelopes += tx.appended
        elif alone:
            self.failed_alone = True
        else:
            await self.db.take_back()
        self.outcomes.append(outcome)


async def drive(work: Work, tx: PostgresTx, slow_ms: float) -> Any:
    """Run a transaction's coroutine."""
    began = perf_counter()
    result = await work(tx)
    took = (perf_counter() - began) * 1000
    if took > slow_ms:
        log.warning("slow transaction", extra={"duration_ms": round(took, 1), "work": name_of(work)})
    return result


def name_of(work: Work) -> str:
    """How a log calls it."""
    return getattr(work, "__qualname__", repr(work))
