"""When a picture is more than a receiver's network carries: its reports tell, and the picture is left out for a while.

A voice takes 40 kbit/s, a picture 30 times as much. What is lost of it is sent again, which makes a full network
fuller, and the voices on the same way are lost with it. So the picture goes, and comes back to see whether there is
room now.
"""

HEAVY = 0.15
"""Share of packets that were lost between two reports. Less is repaired: a bad radio loses so much, and is not full."""
REPORTS = 3
"""In a row, a second or so each."""
PAUSE, LONGEST = 5.0, 60.0
"""Seconds: the first pause, and the longest; each is twice the one before, until there was no loss for a while."""
GOOD = 10
"""Reports in a row that make the next pause a first one."""


class Strain:
    """Of one picture on its way to one receiver. `paused`: leave it out now."""

    __slots__ = ("_bad", "_good", "_next", "_until", "paused")

    def __init__(self) -> None:
        self.paused = False
        self._bad = 0
        self._good = 0
        self._next = PAUSE
        self._until = 0.0

    def reported(self, lost: float, now: float) -> bool:
        """This share was lost since the report before. True when a pause begins."""
        if self.paused:
            return False  # of what was sent before
        heavy = lost >= HEAVY
        self._bad, self._good = (self._bad + 1, 0) if heavy else (0, self._good + 1)
        if self._good >= GOOD:
            self._next = PAUSE
        if self._bad < REPORTS:
            return False
        self.paused, self._bad, self._until = True, 0, now + self._next
        self._next = min(2 * self._next, LONGEST)
        return True

    def over(self, now: float) -> bool:
        """True when the pause ends now."""
        if not self.paused or now < self._until:
            return False
        self.paused = False
        return True
