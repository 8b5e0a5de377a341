"""Spans of time as people write them: `30s`, `15m`, `2h`, `1d`, `1h30m`."""

import re
from datetime import timedelta

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_PART = re.compile(r"(\d{1,6})([smhdw])")
_WHOLE = re.compile(r"(?:\d{1,6}[smhdw])+\Z")


def parse_duration(text: str) -> timedelta:
    """Raises ValueError."""
    if not _WHOLE.match(text):
        raise ValueError("must be a time like 30s, 15m, 2h, 1d or 1h30m")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def say_duration(seconds: float) -> str:
    """In the same form, to the second."""
    left, said = round(seconds), ""
    for unit in ("d", "h", "m", "s"):
        number, left = divmod(left, int(_UNITS[unit]))
        said += f"{number}{unit}" if number else ""
    return said or "0s"
