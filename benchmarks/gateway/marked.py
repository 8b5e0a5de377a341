"""`chatcore serve` that notes when a message passes where: `python marked.py FILE serve …`.

The places are wrapped from outside, so that the product carries nothing of it; a mark costs half a microsecond. One
message must be in flight at a time. When the server stops, FILE has how late the median message was at each mark: JSON,
microseconds after its bytes came in.
"""

import json
import sys
from array import array
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any


class Marks:
    """The times of the current message, and the steps of all."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.steps: dict[str, array[int]] = {}

    def begin(self) -> None:
        """Bytes came in."""
        self.now = {"received": perf_counter_ns()}

    def note(self, name: str) -> None:
        """The message is here."""
        self.now.setdefault(name, perf_counter_ns())

    def end(self) -> None:
        """Everyone has it."""
        self.note("written")
        if "committed" in self.now:
            for name, at in self.now.items():
                self.steps.setdefault(name, array("q")).append(at - self.now["received"])
        self.now = {}

    def medians(self) -> dict[str, float]:
        """Microseconds after the bytes came in."""
        return {name: median(times) / 1000 for name, times in self.steps.items()}


def mark(
    owner: Any, name: str, *, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> None:
    """Have a method of a class say when it is called, or when it has returned."""
    inner = getattr(owner, name)

    @wraps(inner)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if before is not None:
            before()
        result = inner(*arguments, **named)
        if after is not None:
            after()
        return result

    setattr(owner, name, wrapped)


def place(marks: Marks) -> None:
    """Put the marks where a message passes."""
    from chat_storage_sqlite.connection import Connection
    from chat_storage_sqlite.job import JobQueue
    from chat_storage_sqlite.writer import Writer
    from chatcore.service.messages import Messages
    from chatserver.gateway.protocol import Protocol
    from chatserver.gateway.room import Room

    def at(name: str) -> Callable[[], None]:
        return lambda: marks.note(name)

    mark(Protocol, "text", before=marks.begin)
    mark(Messages, "send", before=at("sent"))
    mark(JobQueue, "submit", before=at("submitted"))
    mark(Writer, "_round", before=at("taken"))
    mark(Writer, "_finish", before=at("committed"))
    mark(Writer, "_finish_in_trio", before=at("back"), after=at("told"))
    mark(Room, "flush", before=at("flushed"), after=marks.end)
    run = Connection.run

    def marked_run(self: Connection, sql: str, *values: Any) -> int:
        if sql == "COMMIT":
            marks.note("stored")
        return run(self, sql, *values)

    Connection.run = marked_run  # type: ignore[method-assign]


def main() -> None:
    """Run the command with marks."""
    target = Path(sys.argv.pop(1))
    marks = Marks()
    place(marks)
    from chatcli.main import main as command

    try:
        command()
    finally:
        target.write_text(json.dumps(marks.medians()))


if __name__ == "__main__":
    main()
