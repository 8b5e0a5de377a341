"""How the writer divides those who wait into transactions."""

import threading
from typing import Any, cast

import pytest

from chat_storage_postgres.batch import Act
from chat_storage_postgres.job import Job
from chat_storage_postgres.writer import MAX_BATCH, SMALL_BATCH, Writer


class Crowd:
    """People who each call again as soon as they are answered. `rest` waits, `busy` are in a transaction."""

    def __init__(self) -> None:
        nobody = cast(Any, None)
        self.writer = Writer(nobody, nobody, nobody, nobody, lambda envelopes: None)
        self.busy = 0

    def come(self, count: int) -> None:
        self.writer._waiting.extend(Job(cast(Act, None), threading.Lock()) for _ in range(count))

    def next(self) -> int:
        """Begin a transaction. While it is under way, those of the last one come back."""
        last, self.busy = self.busy, len(self.writer._take())
        self.come(last)
        return self.busy


@pytest.mark.parametrize("first", [1, 5, 30, 49, 50])
async def test_however_they_come_there_are_soon_two_halves(first: int) -> None:
    crowd = Crowd()
    crowd.come(first)
    crowd.next()
    crowd.come(50 - first)
    sizes = [crowd.next() for _ in range(6)]
    assert sizes[-4:] == [25, 25, 25, 25]


async def test_few_are_not_divided() -> None:
    crowd = Crowd()
    crowd.come(SMALL_BATCH)
    assert crowd.next() == SMALL_BATCH


async def test_a_transaction_is_not_larger_than_it_may_be() -> None:
    crowd = Crowd()
    crowd.come(10 * MAX_BATCH)
    assert [crowd.next() for _ in range(3)] == [MAX_BATCH] * 3
