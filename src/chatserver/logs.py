"""Structured logs: one JSON object a line, each with the id of the request that it belongs to.

What goes in: what happened, to which ids, how long it took. What never goes in: passwords, tokens, cookies, the text of
messages. So bodies and headers are not logged at all, and of an address only the path.

The loop never waits for a log: lines go through a bounded queue to a thread of their own, and are counted and dropped
when the disk, or whoever reads stderr, does not keep up.
"""

import json
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

REQUEST_ID: ContextVar[str | None] = ContextVar("chatserver.request_id", default=None)
"""Set by the edge (and by the gateway, per connection) for the task that serves a request."""

MAX_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5
MAX_WAITING = 10_000
SLOW_REQUEST_SECONDS = 1.0


class _WithRequest(logging.Filter):
    """Puts the request's id into the record, in the task that logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        request_id = REQUEST_ID.get()
        if request_id is not None and not hasattr(record, "requestId"):
            record.requestId = request_id
        return True


class _BoundedQueue(logging.handlers.QueueHandler):
    """Hands records to the writing thread; full means dropped, and said with the next line that fits."""

    def __init__(self, waiting: "queue.Queue[Any]") -> None:
        super().__init__(waiting)
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The base class renders the record to text here; the formatter needs it whole, with the arguments as they are.
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lost:
            record.lostLines = self._lost
        try:
            self.queue.put_nowait(record)
            self._lost = 0
        except queue.Full:
            self._lost += 1


class _JsonLines(OrjsonFormatter):
    """Never fails: what orjson refuses (half a surrogate pair in a path) is escaped by the standard library instead."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s", timestamp="time", rename_fields=_NAMES)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        try:
            return super().jsonify_log_record(log_data)
        except TypeError:
            return json.dumps(log_data, default=repr)


_NAMES = {"levelname": "level", "name": "logger", "exc_info": "trace"}


@contextmanager
def logging_to(level: str, file: str | None) -> Iterator[None]:
    """While open, all logs of the process go to `file` (rotated at 10 MiB, five kept) or to stderr, from `level` up."""
    waiting: queue.Queue[Any] = queue.Queue(MAX_WAITING)
    writer = _writer(file)
    handler = _BoundedQueue(waiting)
    handler.addFilter(_WithRequest())
    listener = logging.handlers.QueueListener(waiting, writer)
    root = logging.getLogger()
    old_level = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(old_level)
        listener.stop()
        writer.close()


def _writer(file: str | None) -> logging.Handler:
    writer: logging.Handler
    if file is None:
        writer = logging.StreamHandler(sys.stderr)
    else:
        writer = logging.handlers.RotatingFileHandler(
            file, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True
        )
    writer.setFormatter(_JsonLines())
    return writer
