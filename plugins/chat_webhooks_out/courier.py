"""One webhook's two tasks: one reads events into the queue, the other empties it.

The event log is the queue's other half: when too much waits, reading stops, and goes on from its cursor later.
"""

import logging
import random
from typing import Any

import attrs
import trio

from chat_webhooks_out.book import Book
from chat_webhooks_out.model import MAX_BODY, Delivery, Webhook
from chat_webhooks_out.sender import Sender
from chatcore import wire
from chatcore.errors import ChatError, NotFound, PositionLost
from chatcore.events import Event
from chatcore.model import Position

MAX_DUE = 1000
"""Deliveries that wait for one webhook before reading stops."""
WINDOW = 100
"""Those that are looked at: while the first ones fail, the later ones are not tried."""
GATHER_SECONDS = 0.005
AT_ONCE = 100
"""Events that are put into the queue by one transaction."""
LONGEST_DELAY = 3600.0

log = logging.getLogger("chatcore.plugin.chat_webhooks_out")


@attrs.frozen(kw_only=True)
class Patience:
    """How often a delivery is tried, and the seconds before the second time, which are doubled each time."""

    attempts: int
    first_delay: float

    def delay(self, failed: int) -> float:
        """Seconds after so many failures; spread, so that receivers that come back are not met by all at once."""
        longest = min(self.first_delay * 2.0 ** (failed - 1), LONGEST_DELAY)
        return longest * random.uniform(0.8, 1.2)


@attrs.define
class Tally:
    """What became of deliveries in this process."""

    delivered: int = 0
    failed: int = 0
    given_up: int = 0


class Courier:
    """See the module; `run` is its life. It ends by itself when the webhook is removed or broken."""

    def __init__(
        self, webhook: Webhook, *, chat: Any, book: Book, sender: Sender, patience: Patience, tally: Tally
    ) -> None:
        self.webhook = webhook
        self._chat = chat
        self._book = book
        self._sender = sender
        self._patience = patience
        self._tally = tally
        self._due = 0
        self._news = trio.Event()
        self._room = trio.Event()

    async def run(self) -> None:
        """Until cancelled, or until the webhook is no more."""
        self._due = len(await self._book.due(self.webhook.id, limit=MAX_DUE))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._empty)
            await self._read()
            nursery.cancel_scope.cancel()

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        hook_id = self.webhook.id
        cursor = await self._book.cursor(hook_id)
        while cursor is not None:
            try:
                await self._follow(cursor)
                await self._broken("who made it is no longer a member of the workspace")
                return
            except PositionLost:
                log.error("webhook %s was behind for longer than events are kept: some are lost to it", hook_id)
                cursor = await self._chat.hub.position(self.webhook.workspace_id)
                await self._book.advance(hook_id, cursor)
            except NotFound:
                await self._broken("its workspace, or who made it, is gone")
                return

    async def _follow(self, cursor: Position) -> None:
        """Put what comes into the queue, until its owner is no member any more."""
        webhook, batch = self.webhook, list[Delivery]()
        async with self._chat.subscribe(webhook.owner_id, webhook.workspace_id, since=cursor) as events:
            while True:
                # What comes together goes into one transaction.
                with trio.move_on_after(GATHER_SECONDS if batch else float("inf")):
                    try:
                        event = await anext(events)
                    except StopAsyncIteration:
                        break
                    if event.seq and self._wanted(event):
                        batch.append(self._delivery(event))
                    if len(batch) < AT_ONCE:
                        continue
                await self._enqueue(batch, events.position)
                batch = []
            await self._enqueue(batch, events.position)

    def _wanted(self, event: Event) -> bool:
        webhook = self.webhook
        if webhook.events and event.type not in webhook.events:
            return False
        return webhook.channel_id is None or event.audience.channel_id == webhook.channel_id

    def _delivery(self, event: Event) -> Delivery:
        told = {"type": event.type, "workspaceId": event.workspace_id, "seq": event.seq}
        body = wire.encode({**told, "data": wire.to_json(event)})
        if len(body) > MAX_BODY:
            body = wire.encode({**told, "data": None, "tooLarge": True})
        now = self._chat.clock.now().timestamp()
        return Delivery(hook_id=self.webhook.id, seq=event.seq, type=event.type, body=body.decode(), due_at=now)

    async def _enqueue(self, batch: list[Delivery], position: Position) -> None:
        if not batch:
            return
        while self._due >= MAX_DUE:
            self._room = trio.Event()
            await self._room.wait()
        await self._book.advance(self.webhook.id, position, batch)
        self._due += len(batch)
        self._news.set()

    async def _broken(self, why: str) -> None:
        log.error("webhook %s is broken: %s", self.webhook.id, why)
        await self._book.mark_broken(self.webhook.id, why)

    # --- delivering --------------------------------------------------------------------------------------------------

    async def _empty(self) -> None:
        while True:
            self._news = trio.Event()
            now = self._chat.clock.now().timestamp()
            waiting = await self._book.due(self.webhook.id, limit=WINDOW)
            ready = [delivery for delivery in waiting if delivery.due_at <= now]
            for delivery in ready:
                await self._deliver(delivery)
            if not ready:
                soonest = min((delivery.due_at - now for delivery in waiting), default=float("inf"))
                with trio.move_on_after(min(soonest, LONGEST_DELAY)):
                    await self._news.wait()

    async def _deliver(self, delivery: Delivery) -> None:
        now = self._chat.clock.now().timestamp()
        attempt = await self._sender.send(self.webhook, delivery, int(now))
        if not attempt.error:
            await self._book.delivered(delivery)
            self._tally.delivered += 1
            self._left()
            return
        self._tally.failed += 1
        failed = attrs.evolve(delivery, attempts=delivery.attempts + 1, error=attempt.error)
        if attempt.gone:
            await self._book.give_up(failed)
            await self._broken("its receiver answered 410: it wants nothing more")
            await trio.sleep_forever()  # whoever looks after us sees it, and ends this
        elif failed.attempts >= self._patience.attempts:
            log.error("webhook %s: delivery %s is given up: %s", delivery.hook_id, delivery.id, attempt.error)
            await self._book.give_up(failed)
            self._tally.given_up += 1
            self._left()
        else:
            delay = max(self._patience.delay(failed.attempts), attempt.retry_after)
            await self._book.put_off(attrs.evolve(failed, due_at=self._chat.clock.now().timestamp() + delay))

    def _left(self) -> None:
        self._due -= 1
        self._room.set()


async def keep_going(courier: Courier) -> None:
    """Run a courier; what fails for a while, like storage, is tried again, and nothing of one webhook is another's."""
    while True:
        try:
            await courier.run()
            return
        except* ChatError as group:
            log.warning("webhook %s has to wait: %s", courier.webhook.id, group.exceptions[0])
        await trio.sleep(1)
