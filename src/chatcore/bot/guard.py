"""Against loops: a bot does not answer itself, answers other bots only when it was told to, and nobody without end."""

from collections import OrderedDict

import attrs

MAX_KNOWN = 10_000


@attrs.frozen(kw_only=True)
class Rate:
    """How many runs one author may cause in one channel: `at_once`, and `per_second` in the long run."""

    at_once: float = 50
    per_second: float = 10


FOR_BOTS = Rate(at_once=5, per_second=0.2)
"""What another bot may cause, where it may at all: a loop of two bots dies away."""


class Guard:
    """One bucket for each author in each channel; the least recently used go first."""

    def __init__(self, rate: Rate, for_bots: Rate = FOR_BOTS) -> None:
        self._rate, self._for_bots = rate, for_bots
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def allows(self, channel_id: str, author_id: str, now: float, *, is_bot: bool) -> bool:
        """Whether one more run is within the rate; it counts if it is. `now`: seconds of a clock that runs evenly."""
        rate = self._for_bots if is_bot else self._rate
        key = (channel_id, author_id)
        left, then = self._buckets.pop(key, (rate.at_once, now))
        left = min(rate.at_once, left + (now - then) * rate.per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        return allowed
