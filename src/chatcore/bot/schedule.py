"""When a bot does something by itself. The times lie on a grid, so that a bot that starts anew keeps to them."""

import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Protocol

import attrs

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")


class Rhythm(Protocol):
    """A sequence of moments."""

    def after(self, moment: datetime) -> datetime:
        """The first of its moments behind this one, in UTC."""
        ...


@attrs.frozen
class Every:
    """At the multiples of a span of time since 1970."""

    span: timedelta

    def after(self, moment: datetime) -> datetime:
        seconds = self.span.total_seconds()
        return datetime.fromtimestamp((math.floor(moment.timestamp() / seconds) + 1) * seconds, UTC)


@attrs.frozen
class Daily:
    """At a time of the day, on these days of the week (0: Monday); what a clock change skips comes an hour later."""

    at: time
    zone: tzinfo
    days: frozenset[int] = frozenset(range(7))

    def after(self, moment: datetime) -> datetime:
        day = moment.astimezone(self.zone).date() - timedelta(days=1)
        while True:
            due = datetime.combine(day, self.at, self.zone).astimezone(UTC)
            if due > moment and day.weekday() in self.days:
                return due
            day += timedelta(days=1)


@attrs.frozen(kw_only=True)
class Schedule:
    """A handler with its rhythm; it is called once for each workspace."""

    name: str
    handler: Callable[..., Awaitable[Any]]
    rhythm: Rhythm


def parse_time(text: str) -> time:
    """`09:00`. Raises ValueError."""
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of the day: write it like 09:00")
    return time(int(match[1]), int(match[2]))
