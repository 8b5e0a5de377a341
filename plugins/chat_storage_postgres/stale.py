"""Finding out that somebody else came in between.

A transaction reads, decides, and then adds an event to a workspace. Another node may have changed that workspace after
it was read and before its lock was got. The row of the workspace tells: every change writes a new version of it, and
the version knows the transaction that wrote it. If that one was not over when ours began, what we read may be out of
date.
"""

import attrs

_HALF = 1 << 31
_ALL = (1 << 32) - 1


def cut(xid: str) -> int:
    """The 32 bits of a transaction's number that rows carry."""
    return int(xid) & _ALL


@attrs.frozen
class Snapshot:
    """Which transactions were over at a moment: those below `end` that were not `running`."""

    end: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """From PostgreSQL's text: `xmin:xmax:running,running`. Numbers are cut to the 32 bits that rows carry."""
        _, end, running = text.split(":")
        return cls(cut(end), frozenset(cut(each) for each in running.split(",") if each))

    def knows(self, xid: int) -> bool:
        """Whether the transaction with these 32 bits was over.

        One from half the circle ago may be mistaken for new, which costs a repetition and nothing else.
        """
        return (xid - self.end) & _ALL >= _HALF and xid not in self.running
