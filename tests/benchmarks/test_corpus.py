from collections import Counter
from itertools import islice

from benchmarks.core.corpus import LEFT, RARE, RIGHT, texts, vocabulary
from benchmarks.core.million import message_id, top_level

MANY = 50_000


def test_words_are_as_rare_as_the_searches_believe() -> None:
    sample = list(islice(texts(), MANY))
    counts = Counter(word for text in sample for word in set(text.split()))
    assert [counts[word] for word in RARE] == [1] * len(RARE)
    assert counts[vocabulary()[0]] > MANY / 4
    assert MANY / 6 < counts[LEFT] < MANY / 4
    assert sum(f"{LEFT} {RIGHT}" in text for text in sample) == 1


def test_the_text_is_always_the_same() -> None:
    assert list(islice(texts(), 100)) == list(islice(texts(), 100))


def test_ids_rise_with_their_numbers() -> None:
    ids = [message_id(number) for number in range(1000)]
    assert ids == sorted(set(ids))


def test_a_cursor_names_a_top_level_message_of_the_big_channel() -> None:
    assert {top_level(number) % 21 for number in range(100)}.isdisjoint({7, 20})
