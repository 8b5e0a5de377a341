"""Time, as a port: so that tests can turn it, and so that a jump of the wall clock can be tried."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time. Deadlines and intervals never use it: they use `trio.current_time()`, which does not jump."""

    def now(self) -> datetime:
        """The wall time in UTC, aware, in whole milliseconds (what the wire and the tables carry).

        May jump either way between two calls.
        """
        ...
