"""The reference of the protocol says what is so: frames, fields, events and close codes."""

import json
import re
from pathlib import Path

import attrs
import pytest

from chatcore.events import EVENTS
from chatcore.wire import camel
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.frames import FRAMES, read_frame

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "websocket.md").read_text()
ROWS = {
    name: cells
    for line in REFERENCE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    for name in re.findall(r"`(\w+)`", cells[0])
}


@pytest.mark.parametrize("type_", FRAMES)
def test_every_frame_is_listed_with_its_fields(type_: str) -> None:
    told = ROWS[type_][1] if type_ != "huddle_signal" else _row("huddle_signal", "targetUserId")
    for field in attrs.fields(FRAMES[type_]):
        required = field.default is attrs.NOTHING
        assert f"{camel(field.name)}" + ("" if required else "?") in told


@pytest.mark.parametrize("type_", EVENTS)
def test_every_event_is_listed_with_its_fields(type_: str) -> None:
    told = ROWS[type_][1]
    for field in attrs.fields(EVENTS[type_]):
        if field.name not in ("workspace_id", "seq"):
            assert f"`{camel(field.name)}" in told


def _row(name: str, holding: str) -> str:
    (found,) = [line for line in REFERENCE.splitlines() if line.startswith(f"| `{name}`") and holding in line]
    return found


def test_every_close_code_is_listed() -> None:
    listed = {int(line.split("|")[1]) for line in REFERENCE.splitlines() if re.match(r"\| \d{4} \|", line)}
    assert listed == set(CloseCode)


def test_the_example_is_right() -> None:
    said = [line.partition("► ")[2] for line in REFERENCE.splitlines() if line.startswith("client ►")]
    assert len(said) >= 4
    for text in said:
        read_frame(json.loads(text))
    for line in REFERENCE.splitlines():
        if line.startswith("server ◄"):
            json.loads(line.partition("◄ ")[2])
