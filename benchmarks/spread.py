"""How a measurement is spread."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Spread:
    """Percentiles of durations, in the unit of the durations."""

    p50: float
    p95: float
    p99: float


def spread(durations: Sequence[float]) -> Spread:
    """The smallest value that so many percent do not exceed. Raises ValueError without any."""
    if not durations:
        raise ValueError("nothing was measured")
    ordered = sorted(durations)

    def rank(percent: int) -> float:
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    return Spread(rank(50), rank(95), rank(99))
