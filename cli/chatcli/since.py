"""`--since`: how far back, as a duration, a time, or a cursor."""

import re
from datetime import UTC, datetime, timedelta

import click

from chatcore.model import Position

_DURATION = re.compile(r"([0-9]{1,6})\s*(s|m|h|d|w)\Z")
_CURSOR = re.compile(r"([0-9A-Za-z_-]{1,64}):([0-9]{1,15})\Z")
"""`EPOCH:SEQ`, as `chatcli.feed` writes it."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | Position | None:
    """The callback of the option. Raises BadParameter."""
    if value is None:
        return None
    found = parse_since(value.strip())
    if found is None:
        message = f"{value!r} is neither 10m, 2h or 3d, nor a time like 2026-01-31T12:00, nor a cursor."
        raise click.BadParameter(message, ctx, param)
    return found


def parse_since(text: str) -> datetime | Position | None:
    """A duration like `10m` or `2h`, a time like `2026-01-31T12:00`, or a cursor of `tail --json`; None for neither."""
    duration = _DURATION.match(text)
    try:
        if duration is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        # A time without a zone is one on the wall of whoever types it.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        cursor = _CURSOR.match(text)
        return None if cursor is None else Position(epoch=cursor[1], seq=int(cursor[2]))
