"""What arrives of one stream: packets, loss and jitter, as RFC 3550 (A.3, A.8) counts them."""


class Meter:
    """`jitter` in units of the clock rate. Counts are totals."""

    __slots__ = (
        "_base",
        "_cycles",
        "_last_transit",
        "_reported_expected",
        "_reported_received",
        "clock_rate",
        "highest",
        "jitter",
        "octets",
        "packets",
    )

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.packets = 0
        self.octets = 0
        self.highest = -1
        self.jitter = 0.0
        self._base = 0
        self._cycles = 0
        self._last_transit: float | None = None
        self._reported_expected = 0
        self._reported_received = 0

    def add(self, sequence: int, timestamp: int, size: int, now: float) -> int:
        """Count a packet that arrived at `now` (s). Returns how far it is ahead of the newest: 1 is the next."""
        self.packets += 1
        self.octets += size
        if self.highest < 0:
            self.highest = self._base = sequence
            return 1
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead >= 0x8000:
            return ahead - 0x10000
        if ahead:
            if sequence < self.highest:
                self._cycles += 0x10000
            self.highest = sequence
            transit = now * self.clock_rate - timestamp
            if self._last_transit is not None:
                # In a circle of 2^32, as the timestamps are; a sender that jumps is not jitter.
                moved = abs((transit - self._last_transit + 0x80000000) % 0x100000000 - 0x80000000)
                if moved < 10 * self.clock_rate:
                    self.jitter += (moved - self.jitter) / 16
            self._last_transit = transit
        return ahead

    @property
    def extended_highest(self) -> int:
        return self._cycles + max(0, self.highest)

    @property
    def expected(self) -> int:
        return self.extended_highest - self._base + 1 if self.packets else 0

    @property
    def lost(self) -> int:
        """Packets that never came; below zero when some came twice."""
        return self.expected - self.packets

    def fraction_lost(self) -> int:
        """In 1/256, since it was asked before."""
        expected = self.expected - self._reported_expected
        lost = expected - (self.packets - self._reported_received)
        self._reported_expected, self._reported_received = self.expected, self.packets
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
