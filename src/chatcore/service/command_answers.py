"""What slash commands have answered, in case one is sent again with its `temp_id`: any node knows, and after a restart.

A command is claimed before it is run, so that a second sending meanwhile, on another node, does not run it as well. The
answers of a day lie together, and go together when their place is needed again: two days later.
"""

import hashlib
from datetime import timedelta

import attrs

from chatcore import wire
from chatcore.errors import Unavailable
from chatcore.ids import ChannelId, UserId
from chatcore.model import Message
from chatcore.ports import Tx
from chatcore.ports.plugin_data import MAX_VALUE
from chatcore.service.core import Core

PLACES = 3
"""Days whose answers have a place: an answer is kept for at least 24 hours, as the `temp_id` of a message is."""
CLAIM = timedelta(seconds=60)
"""How long a command may be under way, on a node that may have been killed, before it is run anew."""
_DAY = timedelta(days=1)
_OF_DAY = "day"


@attrs.frozen(kw_only=True)
class Kept:
    """A command that is under way until `claimed_until`, or its answer; of this `day` (both: of the clock)."""

    day: int
    claimed_until: float
    answer: Message | None = None


@attrs.frozen
class Claim:
    """The right to run a command, and the place for its answer."""

    space: str
    key: str
    kept: Kept


@attrs.frozen
class CommandAnswers:
    """See the module."""

    _core: Core

    async def claim(self, user_id: UserId, channel_id: ChannelId, temp_id: str) -> Claim | Message:
        """The answer that was given already, or the right to find one: then `keep` or `release` must follow.

        Raises Unavailable while somebody else has it.
        """
        key = hashlib.blake2s(f"{user_id}\n{channel_id}\n{temp_id}".encode()).hexdigest()
        now = self._core.clock.now().timestamp()
        day = int(now // _DAY.total_seconds())
        claim = Claim(_space(day), key, Kept(day=day, claimed_until=now + CLAIM.total_seconds()))

        async def work(tx: Tx) -> Kept | None:
            kept = await _find(tx, key, day)
            if kept is None or (kept.answer is None and kept.claimed_until <= now):
                await _begin(tx, day)
                await tx.pairs.put(claim.space, key, wire.encode(claim.kept))
                return None
            return kept

        kept = await self._core.storage.write(work)
        if kept is None:
            return claim
        if kept.answer is None:
            raise Unavailable("This command is being carried out: try again for its answer.")
        return kept.answer

    async def keep(self, claim: Claim, answer: Message) -> None:
        """The command has answered."""
        data = wire.encode(attrs.evolve(claim.kept, answer=answer))
        if len(data) > MAX_VALUE:
            # Nobody writes so much; should a plugin do, its command is run again when it is sent again.
            await self.release(claim)
            return
        await self._core.storage.write(lambda tx: tx.pairs.put(claim.space, claim.key, data))

    async def release(self, claim: Claim) -> None:
        """The command has refused, or failed: sent again, it is run again."""
        await self._core.storage.write(lambda tx: tx.pairs.delete(claim.space, claim.key))


async def _find(tx: Tx, key: str, day: int) -> Kept | None:
    """What is known of a command since yesterday."""
    for each in (day, day - 1):
        data = await tx.pairs.get(_space(each), key)
        if data is not None:
            kept = wire.structure(wire.decode(data), Kept)
            if kept.day == each:
                return kept
    return None


async def _begin(tx: Tx, day: int) -> None:
    """Make place for the answers of a day."""
    space, mark = _space(day), str(day).encode()
    if await tx.pairs.get(space, _OF_DAY) != mark:
        await tx.pairs.clear(space)
        await tx.pairs.put(space, _OF_DAY, mark)


def _space(day: int) -> str:
    return f"command-answers.{day % PLACES}"
