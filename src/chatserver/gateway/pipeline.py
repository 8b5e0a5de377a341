"""The order in which one socket's frames are carried out and answered: pure bookkeeping.

Answers leave in the order of their frames. Frames are carried out one after the other, except that `shared` ones that
follow each other may overlap: they begin in order, and what they do is put in order where they began.
"""

import attrs

from chatserver.gateway.frames import ClientFrame

DEPTH = 32
"""How many shared turns may run at once: enough to fill a group commit."""
ROOM = 64
"""How many frames may wait or run; beyond it the socket is not read."""


@attrs.define(eq=False)
class Turn:
    """One frame on its way."""

    frame: ClientFrame
    id: str | None = None
    shared: bool = False
    answer: bytes | None = None
    done: bool = False


class Pipeline:
    """See the module."""

    __slots__ = ("_running", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Turn] = []
        self._running: list[Turn] = []

    @property
    def idle(self) -> bool:
        """Whether everything was carried out."""
        return not self._running and not self._waiting

    @property
    def full(self) -> bool:
        """Whether nothing more should be read."""
        return len(self._waiting) + len(self._running) >= ROOM

    @property
    def ready(self) -> bool:
        """Whether a turn may begin now."""
        if not self._waiting:
            return False
        running = self._running
        return not running or (self._waiting[0].shared and running[0].shared and len(running) < DEPTH)

    def add(self, turn: Turn) -> None:
        """A frame came in."""
        self._waiting.append(turn)

    def begin(self) -> Turn | None:
        """The next turn, if it may begin now. Whoever asks carries it out and calls `finish`."""
        if not self.ready:
            return None
        turn = self._waiting.pop(0)
        self._running.append(turn)
        return turn

    def finish(self, turn: Turn, answer: bytes | None) -> list[bytes]:
        """A turn was carried out; the answers that are due now, in order."""
        turn.done, turn.answer = True, answer
        due: list[bytes] = []
        while self._running and self._running[0].done:
            first = self._running.pop(0)
            if first.answer is not None:
                due.append(first.answer)
        return due

    def forget(self) -> None:
        """Drop what has not begun."""
        self._waiting.clear()
