"""A place in the events of a workspace, as a person can write it down: `EPOCH:SEQ`."""

import re

import attrs

_WRITTEN = re.compile(r"([0-9A-Za-z_-]{1,64}):([0-9]{1,15})\Z")


@attrs.frozen
class Cursor:
    """`seq` of the last event that was seen in the history `epoch`."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


def parse_cursor(text: str) -> Cursor | None:
    """The cursor that somebody wrote down; None when the text is none."""
    match = _WRITTEN.match(text)
    return None if match is None else Cursor(match[1], int(match[2]))
