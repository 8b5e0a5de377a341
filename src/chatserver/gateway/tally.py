"""What the gateway counts, for `/metrics`: plain integers, because every frame touches them."""

from collections import Counter

import attrs


@attrs.define
class Tally:
    """Since the start of the process."""

    opened: int = 0
    frames_in: int = 0
    bytes_in: int = 0
    resumed: int = 0
    afresh: int = 0
    closed: Counter[int] = attrs.field(factory=Counter)
    """Close code -> connections."""

    def joined(self, resumed: bool) -> None:
        """Somebody joined a workspace, with or without what they had missed."""
        if resumed:
            self.resumed += 1
        else:
            self.afresh += 1
