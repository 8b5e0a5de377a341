"""How fast something grows."""

from collections.abc import Sequence

_HOUR = 3600.0


def percent_an_hour(samples: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line through samples of (seconds, size), in percent of their mean size an hour.

    Raises ValueError for fewer than two moments.
    """
    if len({seconds for seconds, _ in samples}) < 2:
        raise ValueError("a slope needs two moments")
    mean_x = sum(seconds for seconds, _ in samples) / len(samples)
    mean_y = sum(size for _, size in samples) / len(samples)
    along = sum((seconds - mean_x) * (size - mean_y) for seconds, size in samples)
    wide = sum((seconds - mean_x) ** 2 for seconds, _ in samples)
    return along / wide * _HOUR / mean_y * 100
