"""What has come and was not taken yet: events in order, within bounds, and the places where the stream was joined."""

from collections import deque
from typing import Any

import attrs
import trio

from chatcore.errors import ChatError
from chatcore.model import Position

MAX_FRAMES = 10_000
MAX_BYTES = 8 * 1024 * 1024


@attrs.frozen
class Heard:
    """An event's frame, and its length as it came."""

    frame: dict[str, Any]
    size: int


@attrs.frozen
class Joined:
    """From here on the stream is live; without `resumed`, something may be missing before it."""

    position: Position
    resumed: bool


class Inbox:
    """Never makes its writer wait: what does not fit is refused, and the log of the server keeps it meanwhile."""

    def __init__(self, max_frames: int = MAX_FRAMES, max_bytes: int = MAX_BYTES) -> None:
        self._max_frames, self._max_bytes = max_frames, max_bytes
        self._waiting: deque[Heard | Joined] = deque()
        self._size = 0
        self._news = trio.Event()
        self.failure: ChatError | None = None

    @property
    def roomy(self) -> bool:
        """Whether it is worth while to begin again to fill it."""
        return len(self._waiting) <= self._max_frames // 2 and self._size <= self._max_bytes // 2

    def put(self, heard: Heard) -> bool:
        """Take an event; False when there is no room for it."""
        if len(self._waiting) >= self._max_frames or self._size + heard.size > self._max_bytes:
            return False
        self._size += heard.size
        self._append(heard)
        return True

    def mark(self, joined: Joined) -> None:
        """The stream was joined here."""
        self._append(joined)

    def fail(self, failure: ChatError) -> None:
        """Nothing will come any more; what has come can still be taken."""
        self.failure = failure
        self._news.set()

    async def get(self) -> Heard | Joined:
        """The next, once there is one. Raises what `fail` was given."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self.failure is not None:
                raise self.failure
            self._news = trio.Event()
            await self._news.wait()
        found = self._waiting.popleft()
        if isinstance(found, Heard):
            self._size -= found.size
        return found

    def _append(self, each: Heard | Joined) -> None:
        self._waiting.append(each)
        self._news.set()
