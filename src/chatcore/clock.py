"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """Wall time in whole milliseconds, as the wire and the tables carry it."""

    def now(self) -> datetime:
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
