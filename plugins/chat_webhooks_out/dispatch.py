"""All webhooks of one installation: on one of its nodes there is a courier for each.

A node delivers while it holds the lease, which the others try to get every few seconds: when it stops, or dies, one of
them goes on from where the queue and the cursors stand.
"""

from typing import Any
from uuid import uuid4

import attrs
import trio

from chat_webhooks_out.book import Book
from chat_webhooks_out.courier import Courier, Patience, Tally, keep_going
from chat_webhooks_out.model import Webhook
from chat_webhooks_out.sender import Sender

LEASE_SECONDS = 15.0
LOOK_SECONDS = 2.0
"""How often webhooks are looked for and the lease is renewed."""


@attrs.define
class Dispatch:
    """`run` is its life."""

    chat: Any
    sender: Sender
    patience: Patience
    tally: Tally
    node: str = attrs.field(factory=lambda: uuid4().hex)

    async def run(self) -> None:
        """Deliver whenever it is this node's turn, until cancelled."""
        book = Book(self.chat.storage)
        try:
            while True:
                if await self._hold(book):
                    await self._work(book)
                await trio.sleep(LOOK_SECONDS)
        finally:
            with trio.move_on_after(1, shield=True):
                await book.let_go(self.node)

    async def _hold(self, book: Book) -> bool:
        return await book.hold(self.node, self.chat.clock.now().timestamp(), LEASE_SECONDS)

    async def _work(self, book: Book) -> None:
        """A courier for each webhook, for as long as the lease is ours."""
        scopes: dict[str, trio.CancelScope] = {}
        async with trio.open_nursery() as nursery:
            held = trio.current_time()
            while True:
                good = {each.id: each for each in await book.webhooks() if not each.broken}
                for hook_id in scopes.keys() - good.keys():
                    scopes.pop(hook_id).cancel()
                for hook_id in good.keys() - scopes.keys():
                    scopes[hook_id] = trio.CancelScope()
                    nursery.start_soon(self._courier, book, good[hook_id], scopes[hook_id])
                await trio.sleep(LOOK_SECONDS)
                with trio.move_on_at(held + LEASE_SECONDS - LOOK_SECONDS) as patience:
                    if await self._hold(book):
                        held = trio.current_time()
                        continue
                if patience.cancelled_caught or trio.current_time() - held < LEASE_SECONDS:
                    break
            nursery.cancel_scope.cancel()

    async def _courier(self, book: Book, webhook: Webhook, scope: trio.CancelScope) -> None:
        with scope:
            await keep_going(
                Courier(
                    webhook,
                    chat=self.chat,
                    book=book,
                    sender=self.sender,
                    patience=self.patience,
                    tally=self.tally,
                )
            )
