"""Pages and threads."""

from collections.abc import Sequence
from typing import Any

import pytest

from chatcore.errors import ValidationFailed
from chatcore.ids import MessageId
from chatcore.model import Message, MessagePage
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import later, new_id


async def talk(town: Town, count: int, **fields: Any) -> list[Message]:
    """So many messages, one after the other; their times and ids run backwards, as a clock may."""
    ids = sorted((new_id(MessageId) for _ in range(count)), reverse=True)
    return [
        await town.say(town.people[n % 3], f"message {n}", id=id_, created_at=later(-n), **fields)
        for n, id_ in enumerate(ids)
    ]


def texts(messages: Sequence[Message]) -> list[str]:
    """What they say."""
    return [message.content for message in messages]


class HistoryTests(StorageTests):
    async def test_an_empty_channel_has_an_empty_page(self) -> None:
        async with self.town() as town:
            assert await town.page() == MessagePage(messages=(), has_more=False)

    async def test_the_newest_come_first_whatever_the_clock_said(self) -> None:
        async with self.town() as town:
            said = await talk(town, 5)
            assert texts((await town.page()).messages) == texts(said[::-1])

    async def test_walking_back(self) -> None:
        async with self.town() as town:
            said = await talk(town, 10)
            first = await town.page(limit=4)
            assert (texts(first.messages), first.has_more) == (texts(said[:5:-1]), True)
            assert first.next_cursor == said[6].id
            second = await town.page(limit=4, before=first.next_cursor)
            assert (texts(second.messages), second.has_more) == (texts(said[5:1:-1]), True)
            third = await town.page(limit=4, before=second.next_cursor)
            assert third == MessagePage(messages=(said[1], said[0]), has_more=False)

    async def test_walking_forward(self) -> None:
        async with self.town() as town:
            said = await talk(town, 10)
            page = await town.page(limit=4, after=said[2].id)
            assert page == MessagePage(messages=tuple(said[3:7]), has_more=True, next_cursor=said[6].id)
            rest = await town.page(limit=4, after=page.next_cursor)
            assert rest == MessagePage(messages=tuple(said[7:]), has_more=False)

    async def test_a_page_that_holds_exactly_the_rest_has_no_more(self) -> None:
        async with self.town() as town:
            await talk(town, 4)
            assert not (await town.page(limit=4)).has_more

    async def test_replies_are_not_in_the_channel_s_history(self) -> None:
        async with self.town() as town:
            roots = await talk(town, 3)
            for root in roots:
                await talk(town, 3, thread_id=root.id)
            page = await town.page()
            assert texts(page.messages) == texts(roots[::-1])
            assert [message.thread_reply_count for message in page.messages] == [3, 3, 3]

    async def test_a_reply_is_a_cursor_too(self) -> None:
        async with self.town() as town:
            first, second = await talk(town, 2)
            reply = await town.say(town.ann, thread_id=first.id)
            third = await town.say(town.ann, "third")
            assert texts((await town.page(before=reply.id)).messages) == texts([second, first])
            assert texts((await town.page(after=reply.id)).messages) == [third.content]

    async def test_a_cursor_outlives_its_message(self) -> None:
        async with self.town() as town:
            said = await talk(town, 6)
            for victim in (said[3], said[5]):
                await town.delete(victim.id)
            assert texts((await town.page(before=said[3].id)).messages) == texts(said[2::-1])
            assert texts((await town.page(after=said[3].id)).messages) == texts([said[4]])
            newest = await town.say(town.ann, "newest")
            assert texts((await town.page(after=said[5].id)).messages) == [newest.content]

    @pytest.mark.parametrize("direction", ["before", "after"])
    async def test_a_cursor_of_another_channel_is_refused(self, direction: str) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", town.ann)
            elsewhere = await town.say(town.ann, channel=other)
            for cursor in (elsewhere.id, new_id(MessageId)):
                with pytest.raises(ValidationFailed):
                    await town.page(town.channel, **{direction: cursor})

    async def test_threads_are_read_from_their_beginning(self) -> None:
        async with self.town() as town:
            root, other = await talk(town, 2)
            replies = []
            for number in range(7):
                replies.append(await town.say(town.ben, f"reply {number}", thread_id=root.id))
                await town.say(town.ann, "elsewhere", thread_id=other.id)
            first = await self._thread(town, root.id, limit=3)
            assert first == MessagePage(messages=tuple(replies[:3]), has_more=True, next_cursor=replies[2].id)
            rest = await self._thread(town, root.id, after=replies[2].id)
            assert rest == MessagePage(messages=tuple(replies[3:]), has_more=False)
            back = await self._thread(town, root.id, before=replies[5].id, limit=2)
            assert back == MessagePage(messages=(replies[4], replies[3]), has_more=True, next_cursor=replies[3].id)

    async def test_a_thread_s_cursor_outlives_its_message(self) -> None:
        async with self.town() as town:
            (root,) = await talk(town, 1)
            replies = await talk(town, 4, thread_id=root.id)
            await town.delete(replies[1].id)
            assert (await self._thread(town, root.id, after=replies[1].id)).messages == tuple(replies[2:])
            with pytest.raises(ValidationFailed):
                await self._thread(town, root.id, after=root.id)

    async def _thread(self, town: Town, root_id: MessageId, **options: Any) -> MessagePage:
        values: dict[str, Any] = {"before": None, "after": None, "limit": 100} | options
        return await town.storage.read(lambda tx: tx.messages.thread(root_id, **values))
