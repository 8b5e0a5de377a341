"""What is kept: webhooks, how far each has read, what is due, and what could not be delivered.

hook:ID         the webhook            due:ID:SEQ      on its way
cursor:ID       epoch and seq          dead:ID:SEQ     given up
"""

from collections.abc import Sequence
from typing import Any

import attrs
import orjson

from chat_webhooks_out.model import Delivery, Webhook, dump, load_delivery, load_webhook
from chatcore.model import Position
from chatcore.ports import Storage, Tx, plugin_space

NAME = "chat_webhooks_out"
MAX_DEAD = 1000
"""Deliveries given up that are kept for each webhook; then the oldest are forgotten."""
_PAGE = 500


@attrs.frozen
class Book:
    """Every method is one transaction."""

    _storage: Storage
    _space: str = plugin_space(NAME)

    # --- webhooks ----------------------------------------------------------------------------------------------------

    async def webhooks(self) -> list[Webhook]:
        """All of them, oldest first."""

        async def work(tx: Tx) -> list[bytes]:
            found: list[tuple[str, bytes]] = []
            while True:
                after = found[-1][0] if found else None
                page = await tx.pairs.scan(self._space, prefix="hook:", after=after, limit=_PAGE)
                found += page
                if len(page) < _PAGE:
                    return [data for _, data in found]

        return [load_webhook(data) for data in await self._storage.read(work)]

    async def webhook(self, hook_id: str) -> Webhook | None:
        data = await self._storage.read(lambda tx: tx.pairs.get(self._space, f"hook:{hook_id}"))
        return None if data is None else load_webhook(data)

    async def add(self, webhook: Webhook, position: Position) -> None:
        """A new webhook, which gets what comes after `position`."""

        async def work(tx: Tx) -> None:
            await tx.pairs.put(self._space, f"hook:{webhook.id}", dump(webhook))
            await tx.pairs.put(self._space, f"cursor:{webhook.id}", dump(position))

        await self._storage.write(work)

    async def mark_broken(self, hook_id: str, why: str) -> None:
        """Say why a webhook no longer works; one that was removed stays so."""

        async def work(tx: Tx) -> None:
            data = await tx.pairs.get(self._space, f"hook:{hook_id}")
            if data is not None:
                await tx.pairs.put(self._space, f"hook:{hook_id}", dump(attrs.evolve(load_webhook(data), broken=why)))

        await self._storage.write(work)

    async def remove(self, hook_id: str) -> None:
        """A webhook and all that belongs to it."""

        async def work(tx: Tx) -> None:
            for prefix in ("due", "dead"):
                while page := await tx.pairs.scan(self._space, prefix=f"{prefix}:{hook_id}:", limit=_PAGE):
                    for key, _ in page:
                        await tx.pairs.delete(self._space, key)
            for prefix in ("hook", "cursor"):
                await tx.pairs.delete(self._space, f"{prefix}:{hook_id}")

        await self._storage.write(work)

    # --- reading -----------------------------------------------------------------------------------------------------

    async def cursor(self, hook_id: str) -> Position | None:
        """How far the webhook has read; None when it was removed."""
        data = await self._storage.read(lambda tx: tx.pairs.get(self._space, f"cursor:{hook_id}"))
        return None if data is None else Position(**orjson.loads(data))

    async def advance(self, hook_id: str, position: Position, deliveries: Sequence[Delivery] = ()) -> None:
        """Put what was read into the queue, and remember how far: both or neither."""

        async def work(tx: Tx) -> None:
            if await tx.pairs.get(self._space, f"hook:{hook_id}") is None:
                return
            for delivery in deliveries:
                await tx.pairs.put(self._space, _due(delivery), dump(delivery))
            await tx.pairs.put(self._space, f"cursor:{hook_id}", dump(position))

        await self._storage.write(work)

    # --- delivering --------------------------------------------------------------------------------------------------

    async def due(self, hook_id: str, *, after: int = 0, limit: int = 100) -> list[Delivery]:
        """What waits for a webhook, in order."""
        return await self._deliveries("due", hook_id, after, limit)

    async def problem(self, hook_id: str) -> str:
        """What the delivery that waits longest met with when it was tried last; empty when nothing is in its way."""
        return next((each.error for each in await self.due(hook_id, limit=1)), "")

    async def dead(self, hook_id: str, *, after: int = 0, limit: int = 100) -> list[Delivery]:
        """What could not be delivered, in order."""
        return await self._deliveries("dead", hook_id, after, limit)

    async def _deliveries(self, prefix: str, hook_id: str, after: int, limit: int) -> list[Delivery]:
        start = f"{prefix}:{hook_id}:"
        page = await self._storage.read(
            lambda tx: tx.pairs.scan(self._space, prefix=start, after=f"{start}{after:016d}", limit=limit)
        )
        return [load_delivery(data) for _, data in page]

    async def delivered(self, delivery: Delivery) -> None:
        await self._storage.write(lambda tx: tx.pairs.delete(self._space, _due(delivery)))

    async def put_off(self, delivery: Delivery) -> None:
        """It failed, and is tried again when it is due; not if its webhook was removed meanwhile."""

        async def work(tx: Tx) -> None:
            if await tx.pairs.delete(self._space, _due(delivery)):
                await tx.pairs.put(self._space, _due(delivery), dump(delivery))

        await self._storage.write(work)

    async def give_up(self, delivery: Delivery) -> None:
        """It failed too often: it is kept among the dead."""

        async def work(tx: Tx) -> None:
            if not await tx.pairs.delete(self._space, _due(delivery)):
                return
            await tx.pairs.put(self._space, _dead(delivery), dump(delivery))
            kept = await tx.pairs.scan(self._space, prefix=f"dead:{delivery.hook_id}:", limit=MAX_DEAD)
            if len(kept) == MAX_DEAD:
                await tx.pairs.delete(self._space, kept[0][0])

        await self._storage.write(work)

    async def retry(self, hook_id: str, now: float) -> int:
        """Try everything that was given up once more, from now on; how many deliveries."""

        async def work(tx: Tx) -> int:
            count = 0
            while page := await tx.pairs.scan(self._space, prefix=f"dead:{hook_id}:", limit=_PAGE):
                for key, data in page:
                    again = attrs.evolve(load_delivery(data), attempts=0, due_at=now)
                    await tx.pairs.delete(self._space, key)
                    await tx.pairs.put(self._space, _due(again), dump(again))
                count += len(page)
            return count

        return await self._storage.write(work)

    # --- one of several nodes ----------------------------------------------------------------------------------------

    async def hold(self, node: str, now: float, seconds: float) -> bool:
        """Take the lease, or keep it: whether this node is the one that delivers, for so many seconds."""

        async def work(tx: Tx) -> bool:
            data = await tx.pairs.get(self._space, "lease")
            lease: dict[str, Any] = {"node": node, "until": 0.0} if data is None else orjson.loads(data)
            # A lease that ends far in the future is of a clock that went back since.
            if lease["node"] != node and now < lease["until"] <= now + seconds:
                return False
            await tx.pairs.put(self._space, "lease", orjson.dumps({"node": node, "until": now + seconds}))
            return True

        return await self._storage.write(work)

    async def let_go(self, node: str) -> None:
        """Another node may deliver now."""

        async def work(tx: Tx) -> None:
            data = await tx.pairs.get(self._space, "lease")
            if data is not None and orjson.loads(data)["node"] == node:
                await tx.pairs.delete(self._space, "lease")

        await self._storage.write(work)


def _due(delivery: Delivery) -> str:
    return f"due:{delivery.hook_id}:{delivery.seq:016d}"


def _dead(delivery: Delivery) -> str:
    return f"dead:{delivery.hook_id}:{delivery.seq:016d}"
