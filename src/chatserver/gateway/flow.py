"""How much one socket may say: frames per second and bytes per second, with room for bursts."""

import attrs

from chatcore import Config

_FRAMES_AT_ONCE, _BYTES_AT_ONCE = 6, 8
"""Seconds' worth of each that may come in one go."""


@attrs.frozen(kw_only=True)
class Pace:
    """Far above what a person or a bot does, far below what would hurt the others."""

    frames_per_second: float = 50
    frames_at_once: float = 300
    bytes_per_second: float = 128 * 1024
    bytes_at_once: float = 1024 * 1024

    @classmethod
    def of(cls, config: Config) -> "Pace":
        """As the settings say."""
        frames, size = config.socket_frames_per_second, config.socket_bytes_per_second
        return cls(
            frames_per_second=frames,
            frames_at_once=frames * _FRAMES_AT_ONCE,
            bytes_per_second=size,
            bytes_at_once=size * _BYTES_AT_ONCE,
        )


class Flow:
    """Two token buckets."""

    __slots__ = ("_bytes", "_frames", "_pace", "_then")

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._frames, self._bytes = pace.frames_at_once, pace.bytes_at_once
        self._then = now

    def take(self, frames: int, size: int, now: float) -> float:
        """Count what arrived; how many seconds too early it came (0: it is within the pace)."""
        pace, passed = self._pace, now - self._then
        self._then = now
        self._frames = min(pace.frames_at_once, self._frames + passed * pace.frames_per_second) - frames
        self._bytes = min(pace.bytes_at_once, self._bytes + passed * pace.bytes_per_second) - size
        return max(-self._frames / pace.frames_per_second, -self._bytes / pace.bytes_per_second, 0.0)
