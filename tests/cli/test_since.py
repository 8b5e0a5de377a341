"""How far back."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from chatcli.feed import as_json
from chatcli.since import parse_since
from chatcore.model import Position


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2 h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_durations(text: str, age: timedelta) -> None:
    found = parse_since(text)
    assert isinstance(found, datetime)
    assert abs(datetime.now(UTC) - age - found) < timedelta(seconds=10)


def test_times() -> None:
    assert parse_since("2026-01-31T12:00:00Z") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert parse_since("2026-01-31 12:00+01:00") == datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert parse_since("2026-01-31") == datetime(2026, 1, 31).astimezone()


def test_cursors_are_read_as_they_are_written() -> None:
    event = {"type": "message_deleted", "seq": 4211, "data": {}}
    position = Position(epoch="a1b2c3", seq=4211)
    assert parse_since(orjson.loads(as_json(event, position))["cursor"]) == position


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-5m", "10y", "99999999h", "999999w", "abc:x", ":5", "a b:1"])
def test_anything_else_is_refused(text: str) -> None:
    assert parse_since(text) is None
