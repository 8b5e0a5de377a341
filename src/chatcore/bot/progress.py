"""How far a bot has come in a workspace: a cursor behind which everything is done, and what is done beyond it.

A handler that waits for an answer holds the cursor back; what others finish meanwhile is remembered by its `seq`. A
bot that is killed begins again at the cursor, leaves out what was done, and carries out what was not: its answers have
names that do not change (`temp_id`), so none is given twice.
"""

from typing import Any

import trio

from chatcore.model import Position


class Progress:
    """The events of one workspace, begun and done."""

    def __init__(self, stored: Any = None) -> None:
        """`stored`: what `dump` gave earlier; None: a beginning."""
        self.since: Position | None = None
        self._done: set[int] = set()
        if stored is not None:
            self.since = Position(epoch=stored["epoch"], seq=stored["seq"])
            self._done = set(stored["done"])
        self._reached = self.since
        self._open: set[int] = set()
        self.changed = trio.Event()
        """Set when there is something to store."""

    def begun(self, position: Position) -> bool:
        """An event is to be handled, and its position is this; False when that was done in an earlier life."""
        self._reach(position)
        if position.seq in self._done:
            return False
        self._open.add(position.seq)
        return True

    def passed(self, position: Position) -> None:
        """An event that nobody handles."""
        self._reach(position)

    def done(self, seq: int) -> None:
        """An event was handled."""
        self._open.discard(seq)
        self._done.add(seq)
        self._tidy()
        self.changed.set()

    def restart(self, position: Position) -> None:
        """The log is another one, or has a hole: what was before it does not count."""
        self._done.clear()
        self._open.clear()
        self._reached = position
        self.changed.set()

    def dump(self) -> dict[str, Any] | None:
        """What to store; None when nothing was reached yet."""
        if self._reached is None:
            return None
        seq = min(self._open) - 1 if self._open else self._reached.seq
        # What lies behind the cursor need not be remembered: under load something is always open.
        self._done = {each for each in self._done if each > seq}
        return {"epoch": self._reached.epoch, "seq": seq, "done": sorted(self._done)}

    def _reach(self, position: Position) -> None:
        if self._reached is None or position.epoch != self._reached.epoch or position.seq > self._reached.seq:
            self._reached = position
            self._tidy()

    def _tidy(self) -> None:
        if self._done and not self._open and self._reached is not None:
            self._done = {seq for seq in self._done if seq > self._reached.seq}
