"""Full-text search."""

import random
from typing import Any

import pytest

from chatcore.errors import ValidationFailed
from chatcore.ids import MessageId
from chatcore.model import MessagePage
from chatcore.ports import Search
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import new_id

ODD = (
    "",
    "   ",
    '"',
    '""',
    '"unbalanced',
    "AND",
    "OR NOT NEAR",
    "a AND",
    "NEAR(a b, 2)",
    "col:word",
    "content:word",
    "-word",
    "+word",
    "word*",
    "*",
    "^word",
    "(word",
    "word)",
    "{word}",
    "'; DROP TABLE messages; --",
    "%",
    "_",
    "\\",
    "👍",
    "\x00",
    "a\x00b",
    "\u200b",
    "½ ² ª",
    "word " * 500,
    "x" * 5000,
)


async def find(town: Town, text: str, **options: Any) -> MessagePage:
    """Search the town's channel, or those in `channels`."""
    values: dict[str, Any] = {"channels": (town.channel.id,)} | options
    return await town.storage.read(lambda tx: tx.messages.search(Search(text=text, **values)))


async def found(town: Town, text: str, **options: Any) -> list[str]:
    """What the messages found say."""
    return [message.content for message in (await find(town, text, **options)).messages]


class SearchTests(StorageTests):
    async def test_all_words_must_occur(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "red apple")
            both = await town.say(town.ben, "green apple, red leaf")
            await town.say(town.ann, "green leaf")
            assert await find(town, "green RED") == MessagePage(messages=(both,), has_more=False)

    async def test_the_newest_come_first(self) -> None:
        async with self.town() as town:
            for number in range(5):
                await town.say(town.ann, f"apple {number}")
            assert await found(town, "apple") == [f"apple {number}" for number in (4, 3, 2, 1, 0)]

    async def test_quotes_make_phrases(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "the quick brown fox")
            await town.say(town.ann, "the brown quick fox")
            assert await found(town, '"quick brown" fox') == ["the quick brown fox"]

    async def test_case_and_accents_do_not_matter(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "Größe in Ångström, Café")
            for text in ("größe", "GROßE", "angstrom", "CAFÉ", "cafe"):
                assert len(await found(town, text)) == 1, text

    async def test_punctuation_divides_words(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "see https://example.org/a-b, e-mail!")
            for text in ("example", "e-mail", "https://example.org/a-b", "mail"):
                assert len(await found(town, text)) == 1, text

    @pytest.mark.parametrize("text", ODD, ids=repr)
    async def test_no_input_is_an_error(self, text: str) -> None:
        async with self.town() as town:
            await town.say(town.ann, "some word and 👍")
            await find(town, text)

    async def test_random_input_is_no_error(self) -> None:
        async with self.town() as town:
            rng = random.Random(1)
            for _ in range(200):
                text = "".join(rng.choice("ab \"'()*:^-+{}NEAROT\\\n\x00é👍") for _ in range(rng.randint(1, 20)))
                await find(town, text)

    @pytest.mark.parametrize("text", ["", "  ", "!?", '"…"', "👍"])
    async def test_without_words_nothing_is_found(self, text: str) -> None:
        async with self.town() as town:
            await town.say(town.ann, "anything 👍")
            assert await find(town, text) == MessagePage(messages=(), has_more=False)

    async def test_only_the_given_channels_are_searched(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", town.ann)
            await town.say(town.ann, "apple here")
            await town.say(town.ann, "apple there", channel=other)
            assert await found(town, "apple") == ["apple here"]
            assert await found(town, "apple", channels=(other.id, town.channel.id)) == ["apple there", "apple here"]
            assert await found(town, "apple", channels=()) == []

    async def test_replies_are_found_in_their_place(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann, "apple 1")
            await town.say(town.ben, "apple 2", thread_id=root.id)
            await town.say(town.ann, "apple 3")
            assert await found(town, "apple") == ["apple 3", "apple 2", "apple 1"]

    async def test_by_author(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "apple of Ann")
            await town.say(town.ben, "apple of Ben")
            assert await found(town, "apple", author_id=town.ben.id) == ["apple of Ben"]

    async def test_pages(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", *town.people)
            said = [await town.say(town.ann, f"apple {n}", channel=other if n % 3 else None) for n in range(10)]
            channels = (town.channel.id, other.id)
            first = await find(town, "apple", limit=4, channels=channels)
            assert first == MessagePage(messages=tuple(said[:5:-1]), has_more=True, next_cursor=said[6].id)
            rest = await find(town, "apple", limit=6, channels=channels, before=first.next_cursor)
            assert rest == MessagePage(messages=tuple(said[5::-1]), has_more=False)
            newer = await find(town, "apple", channels=channels, after=said[7].id)
            assert newer.messages == tuple(said[:7:-1])

    async def test_a_cursor_must_be_in_the_given_channels(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", town.ann)
            elsewhere = await town.say(town.ann, "apple", channel=other)
            for cursor in (elsewhere.id, new_id(MessageId)):
                with pytest.raises(ValidationFailed):
                    await find(town, "apple", before=cursor)

    async def test_the_index_follows_edits_and_deletions(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann, "before")
            root = await town.say(town.ann, "before too")
            await town.say(town.ann, "before three", thread_id=root.id)
            await town.storage.write(lambda tx: tx.messages.edit(sent.id, "afterwards", (), False, START))
            assert await found(town, "before") == ["before three", "before too"]
            assert await found(town, "afterwards") == ["afterwards"]
            await town.delete(root.id)
            await town.delete(sent.id)
            assert await found(town, "before") == await found(town, "afterwards") == []
