"""How late the event loop is: the one figure that says whether everybody waits for somebody."""

import trio

from chatserver.meter import LAG_SECONDS, Histogram

EVERY_SECONDS = 0.25


class Lag:
    """Sleeps, and sees how much later than asked for it wakes. `run` must be running."""

    def __init__(self) -> None:
        self.histogram = Histogram(LAG_SECONDS)

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            due = trio.current_time() + EVERY_SECONDS
            await trio.sleep_until(due)
            self.histogram.observe(max(0.0, trio.current_time() - due))
