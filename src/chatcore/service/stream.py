"""Putting one workspace's events back in order: pure bookkeeping, no waiting.

The bus may deliver twice, late or never. Only the next `seq` passes; what comes early waits; what came already is
dropped.
"""

from collections.abc import Iterable, Sequence

from chatcore.ports import Envelope

MAX_WAITING = 4096
"""Early arrivals kept per workspace; beyond it they are dropped, because the log has them all."""


class Stream:
    """The order of one workspace. Until `start` is called everything waits."""

    def __init__(self) -> None:
        self.last: int | None = None
        self._waiting: dict[int, Envelope] = {}

    @property
    def has_gap(self) -> bool:
        """Whether something is held back because a seq before it is missing."""
        return self.last is not None and bool(self._waiting)

    def start(self, seq: int) -> list[Envelope]:
        """From here on `seq` is the last event seen; returns what has been waiting for it."""
        self.last = seq
        return self._drain()

    def offer(self, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """Take envelopes in any order; returns those that are due, in order, each once."""
        last = self.last
        if last is not None and envelopes and not self._waiting and _consecutive(last, envelopes):
            self.last = envelopes[-1].seq
            return list(envelopes)
        for envelope in envelopes:
            if (last is None or envelope.seq > last) and len(self._waiting) < MAX_WAITING:
                self._waiting[envelope.seq] = envelope
        return self._drain() if last is not None else []

    def fill(self, envelopes: Iterable[Envelope], upto: int) -> list[Envelope]:
        """Take what the log holds up to `upto` (it may skip: deleted messages leave no event behind)."""
        assert self.last is not None
        due = [envelope for envelope in envelopes if self.last < envelope.seq <= upto]
        self.last = max(self.last, upto)
        return due + self._drain()

    def _drain(self) -> list[Envelope]:
        assert self.last is not None
        due: list[Envelope] = []
        while (envelope := self._waiting.pop(self.last + 1, None)) is not None:
            due.append(envelope)
            self.last += 1
        for seq in [seq for seq in self._waiting if seq <= self.last]:
            del self._waiting[seq]
        return due


def _consecutive(last: int, envelopes: Sequence[Envelope]) -> bool:
    return all(envelope.seq == last + offset for offset, envelope in enumerate(envelopes, 1))
