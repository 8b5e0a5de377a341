"""What waits for one blocked peer, in order, counted in bytes."""

from collections import deque
from itertools import islice

_PIECES = 64
"""Buffers given to the kernel at once."""


class Backlog:
    """Only its writer takes from it; pieces that the writer holds are not dropped: they may be half sent already."""

    __slots__ = ("_handed", "_pieces", "size")

    def __init__(self, half_sent: bytes | memoryview) -> None:
        self._pieces: deque[bytes | memoryview] = deque((half_sent,))
        self._handed = 1
        self.size = len(half_sent)

    def add(self, data: bytes) -> None:
        """One more, at the end."""
        self._pieces.append(data)
        self.size += len(data)

    def hand_out(self) -> list[bytes | memoryview]:
        """The next pieces for the writer; empty when nothing waits."""
        pieces = list(islice(self._pieces, _PIECES))
        self._handed = len(pieces)
        return pieces

    def sent(self, size: int) -> None:
        """The peer took this many bytes."""
        self.size -= size
        while size:
            head = self._pieces.popleft()
            if len(head) > size:
                self._pieces.appendleft(memoryview(head)[size:])
                break
            size -= len(head)
        self._handed = 0

    def drop(self) -> None:
        """Forget everything that the writer does not hold."""
        while len(self._pieces) > self._handed:
            self.size -= len(self._pieces.pop())
