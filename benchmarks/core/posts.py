"""The storage alone under many senders: what services, hooks and hub leave of it is in `senders`."""

from collections.abc import AsyncIterator
from time import perf_counter

import trio

from benchmarks.core.town import TEXT, Town, open_town
from benchmarks.figure import Figure
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore.events import MessageReceived
from chatcore.ids import IdSource, MessageId
from chatcore.model import Message, User, card_of
from chatcore.ports import Post, seal

SENDERS = 50


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Each posts its next message when the last one is durable."""
    with setting.room() as folder:
        async with open_town(folder, people=SENDERS) as town:
            began = perf_counter()
            took = await _post_all(town, began + setting.choose(8, 2))
            whole = perf_counter() - began
    yield Figure(f"storage alone, {SENDERS} senders: posts", len(took) / whole, "/s")
    yield Figure(f"storage alone, {SENDERS} senders: p99", spread(took).p99 * 1000, "ms")


async def _post_all(town: Town, end: float) -> list[float]:
    took: list[float] = []
    ids = IdSource()

    async def sender(author: User) -> None:
        while (began := perf_counter()) < end:
            await town.chat.storage.post(_post(town, author, ids))
            took.append(perf_counter() - began)

    async with trio.open_nursery() as nursery:
        for author in town.people:
            nursery.start_soon(sender, author)
    return took


def _post(town: Town, author: User, ids: IdSource) -> Post:
    now = town.chat.clock.now()
    message = Message(
        id=MessageId(ids.new(int(now.timestamp() * 1000))),
        channel_id=town.channel.id,
        user_id=author.id,
        user=card_of(author),
        content=TEXT,
        created_at=now,
    )
    return Post(message=message, envelope=seal(MessageReceived(workspace_id=town.workspace.id, message=message)))
