"""One continuous stream out of those that take turns in a slot."""

from chat_voice_webrtc.media.rtp import newer


class Rewriter:
    """Sequence numbers and timestamps as the receiver of a slot sees them: without a gap when the speaker changes.

    A gap within a speaker's stream (a lost packet, a pause) stays: the receiver has to know of it.
    """

    __slots__ = ("_at", "_clock_rate", "_first", "_sequence_shift", "_switching", "_timestamp_shift", "highest", "last")

    def __init__(self, clock_rate: int, sequence: int, timestamp: int) -> None:
        """`sequence`, `timestamp`: what the first packet follows."""
        self._clock_rate = clock_rate
        self.highest = sequence
        self.last = timestamp
        self._at: float | None = None
        self._switching = True
        self._first = 0
        self._sequence_shift = 0
        self._timestamp_shift = 0

    def switch(self) -> None:
        """The next packet is of another speaker, or of the same after a while out of the slot."""
        self._switching = True

    def map(self, sequence: int, timestamp: int, now: float) -> tuple[int, int] | None:
        """What a packet becomes; None for one from before the switch."""
        if self._switching:
            self._switching = False
            passed = 0 if self._at is None else max(1, int((now - self._at) * self._clock_rate))
            self._first = sequence
            self._sequence_shift = self.highest + 1 - sequence
            self._timestamp_shift = self.last + passed - timestamp
        elif newer(self._first, sequence) and (self.highest - self._sequence_shift - self._first) & 0xFFFF < 0x4000:
            return None
        mapped = (sequence + self._sequence_shift) & 0xFFFF
        stamped = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if newer(mapped, self.highest) or self._at is None:
            self.highest, self.last, self._at = mapped, stamped, now
        return mapped, stamped

    def original(self, sequence: int) -> int | None:
        """The speaker's number of a packet that was sent as `sequence`; None when it was another speaker's."""
        age = (self.highest - sequence) & 0xFFFF
        if self._switching or age > (self.highest - self._sequence_shift - self._first) & 0xFFFF:
            return None
        return (sequence - self._sequence_shift) & 0xFFFF

    def timestamp_at(self, now: float) -> int:
        """The timestamp that a packet sent now would have."""
        passed = 0 if self._at is None else int((now - self._at) * self._clock_rate)
        return (self.last + passed) & 0xFFFFFFFF
