"""Wall time for tests: it follows Trio's clock (so it jumps with the autojump clock), and can be set."""

from datetime import UTC, datetime, timedelta

import trio

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """A `chatcore.ports.Clock`: `start` when it is first read, and from there on as `trio.current_time()` runs."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._begin: float | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        """The wall time in UTC, in whole milliseconds. Raises RuntimeError outside of a Trio run."""
        moment = trio.current_time()
        if self._begin is None:
            self._begin = moment
        shown = self._start + timedelta(seconds=moment - self._begin) + self._offset
        return shown.replace(microsecond=shown.microsecond // 1000 * 1000)

    def jump(self, seconds: float) -> None:
        """Move the wall clock by so many seconds, back when they are negative; deadlines and sleeps do not notice."""
        self._offset += timedelta(seconds=seconds)
