"""Progress, for who waits."""

import sys
from typing import Any

import click


class Bars:
    """A progress bar for each table, one after the other, on stderr."""

    def __init__(self) -> None:
        self._table = ""
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def show(self, table: str, done: int, total: int) -> None:
        """So many rows of a table have arrived."""
        if table != self._table:
            self._end()
            self._table, self._done = table, 0
            self._bar = click.progressbar(length=total, label=f"{table:<20}", file=sys.stderr).__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
