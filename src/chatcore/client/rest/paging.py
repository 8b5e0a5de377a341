"""Lists that come in pages, as one."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Page = tuple[Sequence[T], str | None]
"""Elements, and the cursor of the page behind them; None: this was the last."""


class Pages(Generic[T]):
    """An async iterator over all elements; each page is asked for when it is needed."""

    def __init__(self, read: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        self._read = read
        self._found: deque[T] = deque()
        self._cursor: str | None = None
        self._more = True

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._found:
            if not self._more:
                raise StopAsyncIteration
            elements, self._cursor = await self._read(self._cursor)
            self._found.extend(elements)
            self._more = self._cursor is not None
        return self._found.popleft()
