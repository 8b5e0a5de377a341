"""What people type, and people in very many channels."""

import pytest

from chat_storage_sqlite import search
from chat_storage_sqlite.search import to_match
from chatcore.ports import Search
from chatcore.testing.storage.town import Town


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("red apple", '"red" AND "apple"'),
        ('"red apple" pie', '"red apple" AND "pie"'),
        ('"red apple', '"red apple"'),
        ("AND (x*", '"AND" AND "(x*"'),
        ("  ", ""),
        ('"" - !', ""),
    ],
)
def test_every_word_is_quoted(text: str, match: str) -> None:
    assert to_match(text) == match


def test_a_query_is_cut_short() -> None:
    assert to_match("word " * 1000).count("AND") == search.MAX_PARTS - 1


async def test_people_in_very_many_channels_find_the_same(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    channels = [town.channel, *[await town.open_channel(f"room-{n}", *town.people) for n in range(4)]]
    for number in range(40):
        await town.say(town.people[number % 3], f"apple {number}", channel=channels[number % 5])
    mine = tuple(channel.id for channel in channels[1:])
    query = Search(text="apple", channels=mine, author_id=town.ann.id, limit=5)
    by_index = await town.storage.read(lambda tx: tx.messages.search(query))
    monkeypatch.setattr(search, "MAX_SCOPES", 0)
    assert await town.storage.read(lambda tx: tx.messages.search(query)) == by_index
    assert len(by_index.messages) == 5
    assert by_index.has_more
