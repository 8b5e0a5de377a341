"""One batch, until it is known what became of it: done again when others were in the way, or the connection broke."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import attrs
from outcome import Outcome

from chat_storage_postgres.batch import Act, Batch
from chat_storage_postgres.faults import AGAIN, READ_ONLY, Lost
from chat_storage_postgres.job import PATIENCE
from chat_storage_postgres.link import Link
from chat_storage_postgres.transaction import Again, Plan, Transaction
from chat_storage_postgres.tx import Setting
from chat_storage_postgres.verdict import verdict
from chatcore.errors import ChatError, Unavailable
from chatcore.ports import Envelope, Post

POST_SECONDS, WORK_SECONDS = 6.0, 35.0
"""After so long a server counts as gone that has not answered: with posts only, and with anything."""
MAX_ATTEMPTS = 20
FIRST_REPLAN, LAST_REPLAN = 50, 50_000
"""After so many acts on one connection, and four times as many, and so on, its statements are planned anew. A plan
that was made on empty tables is kept until they are analysed, and may read all that a person ever wrote: 6,000
messages later a commit took 400 ms."""

log = logging.getLogger("chatcore.storage")

_UNKNOWN = (
    "The database went away while this was being saved, and it is not known whether it was. Look before you try again; "
    "a message that is sent again with its tempId is sent once."
)


@attrs.frozen
class Done:
    """The outcomes of the acts, in order, and the events that they appended."""

    outcomes: list[Outcome[Any]]
    envelopes: Sequence[Envelope]


class Committer:
    def __init__(self, link: Link, setting: Setting) -> None:
        self._link = link
        self._setting = setting
        self._planned: Any = None
        self._acts, self._replan_at = 0, FIRST_REPLAN

    async def commit(self, acts: Sequence[Act]) -> Done:
        """Do the acts in one transaction. Raises ChatError when none of them was done, or that is not known."""
        loop = asyncio.get_running_loop()
        plan, deadline = Plan(), loop.time() + PATIENCE
        longest = POST_SECONDS if all(isinstance(act.what, Post) for act in acts) else WORK_SECONDS
        for attempt in range(MAX_ATTEMPTS):
            if attempt and loop.time() > deadline:
                break
            raw = await self._link.get(max(deadline - loop.time(), 0.1))
            db = Transaction(raw, self._setting.slow_ms, plan)
            try:
                async with asyncio.timeout(longest):
                    await self._plan_anew(raw, db, len(acts))
                    done = await self._attempt(db, acts)
            except Again as again:
                plan = again.plan
            except AGAIN as error:
                plan = attrs.evolve(plan, locks=plan.locks | db.locked)
                log.info("a transaction is done again: %s", error)
            except (Lost, TimeoutError, *READ_ONLY) as error:
                self._link.drop(error)
                continue
            else:
                if done is not None:
                    return done
                continue
            await self._roll_back(db)
        raise Unavailable("The database cannot save this now. Try again in a moment.")

    async def _attempt(self, db: Transaction, acts: Sequence[Act]) -> Done | None:
        """Do the transaction once; None when it was lost, and for certain did nothing."""
        batch = Batch(db, self._setting)
        try:
            await batch.perform(acts)
        except (Again, *AGAIN, *READ_ONLY, Lost):
            raise
        except Exception:
            await self._roll_back(db)
            raise
        if batch.failed_alone:
            await self._roll_back(db)
            return Done(batch.outcomes, ())
        try:
            await db.control("COMMIT")
        except Lost as error:
            self._link.drop(error)
            if not await self._was_committed(db.xid):
                return None
        return Done(batch.outcomes, batch.committed())

    async def _plan_anew(self, raw: Any, db: Transaction, acts: int) -> None:
        """Let statements be planned by what the tables have become, now and then; a new connection does so anyway."""
        if raw is not self._planned:
            self._planned, self._acts, self._replan_at = raw, 0, FIRST_REPLAN
        self._acts += acts
        if self._acts >= self._replan_at:
            self._replan_at = self._replan_at * 4 if self._replan_at < LAST_REPLAN else self._acts + LAST_REPLAN
            await db.control("DISCARD PLANS")

    async def _was_committed(self, xid: str | None) -> bool:
        """Whether a transaction whose COMMIT was not answered took place. Raises Unavailable when nobody knows."""
        if xid is None:
            return False  # it had nothing to write
        found = await verdict(self._link, xid, PATIENCE)
        log.warning("the answer to a COMMIT was lost: it was %s", found or "not found out what became of it")
        if found not in ("committed", "aborted"):
            raise Unavailable(_UNKNOWN)
        return found == "committed"

    async def _roll_back(self, db: Transaction) -> None:
        try:
            await db.control("ROLLBACK")
        except (ChatError, Lost, *AGAIN) as error:
            self._link.drop(error)
