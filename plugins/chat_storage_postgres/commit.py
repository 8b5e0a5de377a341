"""One batch, until it is known what became of it: done again when others were in the way, or the connection broke."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from outcome import Outcome

from chat_storage_postgres.batch import Act, Batch
from chat_storage_postgres.faults import AGAIN, READ_ONLY, Lost
from chat_storage_postgres.job import PATIENCE
from chat_storage_postgres.link import Link
from chat_storage_postgres.memory import Memory
from chat_storage_postgres.pulse import Pulse
from chat_storage_postgres.transaction import Again, Plan, Transaction
from chat_storage_postgres.tx import Setting
from chat_storage_postgres.verdict import verdict
from chatcore.errors import ChatError, Unavailable
from chatcore.ports import Envelope, Post

POST_SECONDS, WORK_SECONDS = 6.0, 35.0
"""After so long a server counts as gone that has not answered: with posts only, and with anything."""
MAX_ATTEMPTS = 20

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
    def __init__(self, link: Link, setting: Setting, pulse: Pulse) -> None:
        self._link = link
        self._setting = setting
        self._pulse = pulse
        self._memory = Memory(None)
        self._begun: Any = None
        """The connection on which the last COMMIT began the next transaction too."""

    async def commit(self, acts: Sequence[Act], more: Callable[[], bool] = lambda: False) -> Done:
        """Do the acts in one transaction. Raises ChatError when none of them was done, or that is not known.

        `more`: whether another batch follows at once; its transaction begins with the COMMIT of this one, which saves a
        trip. If it does not follow after all, `rest` is due.
        """
        loop = asyncio.get_running_loop()
        plan, deadline = Plan(), loop.time() + PATIENCE
        only_posts = all(isinstance(act.what, Post) for act in acts)
        longest = POST_SECONDS if only_posts else WORK_SECONDS
        for attempt in range(MAX_ATTEMPTS):
            if attempt and loop.time() > deadline:
                break
            raw = await self._link.get(max(deadline - loop.time(), 0.1))
            db = Transaction(raw, self._setting.slow_ms, plan, self._recollect(raw, only_posts=only_posts))
            batch = Batch(db, self._setting)
            try:
                async with self._pulse.watch(raw, longest):
                    await batch.perform(acts, begun=self._take_begun(raw))
            except Again as again:
                plan = again.plan
                await self._roll_back(db)
            except AGAIN as error:
                plan = attrs.evolve(plan, locks=plan.locks | db.locked)
                log.info("a transaction is done again: %s", error)
                await self._roll_back(db)
            except (Lost, TimeoutError, *READ_ONLY) as error:
                self._link.drop(error)
            except Exception:
                await self._roll_back(db)
                raise
            else:
                if batch.failed_alone:
                    await self._roll_back(db)
                    return Done(batch.outcomes, ())
                if await self._commit(db, longest, chain=more()):
                    return Done(batch.outcomes, batch.committed())
        raise Unavailable("The database cannot save this now. Try again in a moment.")

    def _recollect(self, raw: Any, *, only_posts: bool) -> Memory | None:
        """What posts may rely on, on this connection. Other work may change anything, and perhaps tells nobody."""
        if self._memory.raw is not raw:
            self._memory = Memory(raw)
        if only_posts:
            return self._memory
        self._memory.forget()
        return None

    async def rest(self) -> None:
        """End a transaction that has begun and has nothing to do: nothing is to be left open while nobody writes."""
        raw, self._begun = self._begun, None
        if raw is not None and not raw.is_closed():
            await self._roll_back(Transaction(raw, self._setting.slow_ms, Plan()))

    def _take_begun(self, raw: Any) -> bool:
        begun, self._begun = self._begun is raw, None
        return begun

    async def _commit(self, db: Transaction, longest: float, *, chain: bool) -> bool:
        """Whether it took place; False when it certainly did not. Raises ChatError when nobody knows, or it cannot."""
        try:
            # An answer that does not come is as good as lost: this must never end in doing it all again unasked.
            async with self._pulse.watch(db.raw, longest):
                status = await db.control("COMMIT AND CHAIN" if chain else "COMMIT")
        except (Lost, TimeoutError) as error:
            self._link.drop(error)
            return await self._was_committed(db.xid)
        if chain:
            self._begun = db.raw
        return status == "COMMIT"  # what was broken off answers ROLLBACK

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
            async with self._pulse.watch(db.raw, POST_SECONDS):
                await db.control("ROLLBACK")
        except (ChatError, Lost, TimeoutError, *AGAIN) as error:
            self._link.drop(error)
