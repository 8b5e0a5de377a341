"""What is done inside one SQLite transaction: the acts of many callers, each of which succeeds or fails alone."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from time import perf_counter
from typing import Any

import attrs
from outcome import Error, Outcome, Value

from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.faults import is_fatal
from chat_storage_sqlite.posting import post_run
from chat_storage_sqlite.tx import Setting, SqliteTx
from chatcore.errors import ChatError, Unavailable
from chatcore.ports import Envelope, Post, Tx

Work = Callable[[Tx], Awaitable[Any]]

log = logging.getLogger("chatcore.storage")


@attrs.define(eq=False)
class Act:
    """What a caller wants done, and the time at which they asked: clocks are read in the Trio thread only."""

    what: Post | Work
    now_ms: int


@attrs.define(eq=False)
class Batch:
    """The outcomes of the acts so far, in order, and the events that they appended; both count after the COMMIT."""

    db: Connection
    setting: Setting
    outcomes: list[Outcome[Any]] = attrs.field(factory=list)
    envelopes: list[Envelope] = attrs.field(factory=list)
    _sealed: list[tuple[Envelope, int]] = attrs.field(factory=list)

    def perform(self, acts: Sequence[Act]) -> None:
        """Do these in the transaction that is open. Raises only what ends it: then none of them has happened."""
        for are_posts, group in groupby(acts, key=lambda act: isinstance(act.what, Post)):
            members = list(group)
            if are_posts:
                self._post(members, alone=len(members) == len(acts))
            else:
                for act in members:
                    self._work(act, alone=len(acts) == 1)

    def committed(self) -> list[Envelope]:
        """Stamp the envelopes of the posts with their places; all envelopes in order."""
        for envelope, seq in self._sealed:
            envelope.epoch, envelope.seq = self.setting.epoch, seq
        return self.envelopes

    def _work(self, act: Act, *, alone: bool) -> None:
        assert not isinstance(act.what, Post)
        work, tx = act.what, SqliteTx(self.db, self.setting, act.now_ms)
        outcome = self._try(lambda: drive(work, tx, self.setting.slow_ms), alone=alone)
        if isinstance(outcome, Value):
            self.envelopes += tx.appended
        self.outcomes.append(outcome)

    def _post(self, acts: list[Act], *, alone: bool) -> None:
        posts = [act.what for act in acts if isinstance(act.what, Post)]
        now_ms = acts[-1].now_ms
        outcome = self._try(lambda: post_run(self.db, posts, now_ms), alone=alone)
        if isinstance(outcome, Value):
            run = outcome.value
            self._sealed += run.sealed
            self.envelopes += (envelope for envelope, _ in run.sealed)
            self.outcomes += (Error(made) if isinstance(made, ChatError) else Value(made) for made in run.outcomes)
        elif len(acts) == 1:
            self.outcomes.append(outcome)
        else:
            # Something that only the tables refuse. One by one, so that it fails alone.
            for act in acts:
                self._post([act], alone=False)

    def _try(self, act: Callable[[], Any], *, alone: bool) -> Outcome[Any]:
        """Do something that leaves nothing behind when it fails.

        `alone`: nothing else is in the transaction, which can then be begun again. A savepoint makes SQLite keep a copy
        of every page that is changed after it.
        """
        db = self.db
        if not alone:
            db.run("SAVEPOINT act")
        try:
            outcome: Outcome[Any] = Value(act())
        except BaseException as error:  # whatever it is, it belongs to the caller of this act
            if is_fatal(error):
                raise
            outcome = Error(error)
        if not db.in_transaction:
            raise Unavailable("The database gave up the transaction. Try again.")
        if isinstance(outcome, Error):
            self._take_back(alone=alone)
        elif not alone:
            db.run("RELEASE act")
        return outcome

    def _take_back(self, *, alone: bool) -> None:
        if alone:
            self.db.rollback()
            self.db.run("BEGIN IMMEDIATE")
        else:
            self.db.run("ROLLBACK TO act")
            self.db.run("RELEASE act")


def drive(work: Work, tx: Tx, slow_ms: float) -> Any:
    """Run a transaction's coroutine to its end, in one go."""
    began = perf_counter()
    steps = work(tx).__await__()
    try:
        next(steps)
    except StopIteration as stop:
        took = (perf_counter() - began) * 1000
        if took > slow_ms:
            log.warning("slow transaction", extra={"duration_ms": round(took, 1), "work": _name(work)})
        return stop.value
    if hasattr(steps, "close"):
        steps.close()
    raise RuntimeError(f"the transaction {_name(work)} awaited something that is not of its tx: it must never wait")


def _name(work: Work) -> str:
    return getattr(work, "__qualname__", repr(work))
