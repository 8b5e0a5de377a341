"""Text that looks like people's, of words as frequent as in a language; always the same."""

from collections.abc import Iterator
from itertools import accumulate, islice, product
from random import Random

VOCABULARY = 20_000
LENGTHS = (4, 6, 8, 10, 12, 16, 24)
RARE = tuple(f"qx{number}zanzibar" for number in range(50))
"""Words that occur in one message of 50,000 each."""
LEFT, RIGHT = "meridian", "halcyon"
"""Each in a fifth of all messages, side by side in one of 50,000: the phrase that is hardest to find."""
_SIDE_BY_SIDE = 50_000


def vocabulary() -> list[str]:
    """The words by frequency, the most frequent first."""
    onsets = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr")
    syllables = ["".join(parts) for parts in product(onsets, "aeiou", ("", "n", "s", "r"))]
    words = ["".join(parts) for parts in islice(product(syllables, repeat=2), VOCABULARY * 4)]
    Random(1).shuffle(words)
    return words[:VOCABULARY]


def texts() -> Iterator[str]:
    """One message after the other, without end."""
    words = vocabulary()
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    rng = Random(2)
    number = 0
    while True:
        chosen = rng.choices(words, cum_weights=weights, k=rng.choice(LENGTHS))
        chosen[1:1] = _planted(number)
        number += 1
        yield " ".join(chosen)


def _planted(number: int) -> list[str]:
    if number % _SIDE_BY_SIDE == 0:
        return [LEFT, RIGHT]
    if number % 1000 == 1:
        return [RARE[number // 1000 % len(RARE)]]
    return [LEFT] if number % 5 == 2 else [RIGHT] if number % 5 == 3 else []
