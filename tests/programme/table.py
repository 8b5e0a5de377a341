"""Reads docs/reference/permissions.md: the tables that people read are the tables that are tried."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
OUTCOMES = ("yes", "no", "hidden", "none", "sign in")
_CALL = re.compile(r"`(?P<name>[^`]+)`(?:: (?P<case>.+))?\Z")


@attrs.frozen
class Call:
    """An endpoint (`GET /api/users/me`) or a frame (`send_message`), and in which case of it."""

    name: str
    case: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.case}" if self.case else self.name


@attrs.frozen
class Row:
    """What comes of a call, by kind of person. `place` is a kind of channel; empty: the call is about none."""

    call: Call
    place: str
    outcomes: dict[str, str]


@attrs.define
class Section:
    """What stands below one heading."""

    title: str
    rows: list[Row] = attrs.field(factory=list)

    @property
    def calls(self) -> list[Call]:
        return list(dict.fromkeys(row.call for row in self.rows))


def read_page(page: Path = PAGE) -> list[Section]:
    """The sections that have calls. Raises ValueError for what cannot be understood."""
    sections: list[Section] = []
    calls: list[Call] = []
    header: list[str] = []
    everybody_else: dict[str, str] = {}
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("#"):
            sections.append(Section(line.lstrip("# ")))
            calls, header = [], []
        elif line.startswith("- "):
            calls.append(_call(line[2:]))
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = cells
            elif header[0] == "call" and not _is_rule(cells):
                sections[-1].rows.append(Row(_call(cells[0]), "", _outcomes(header, cells)))
            elif header[0] == "channel" and cells[0] == "any":
                everybody_else = _outcomes(header, cells)
            elif header[0] == "channel" and not _is_rule(cells):
                outcomes = {**everybody_else, **_outcomes(header, cells)}
                sections[-1].rows += [Row(call, place, outcomes) for call in calls for place in cells[0].split(" · ")]
        else:
            header = []
    return [section for section in sections if section.rows]


def calls_of(sections: list[Section]) -> Iterator[Call]:
    """Every call of the page."""
    return (call for section in sections for call in section.calls)


def _call(text: str) -> Call:
    match = _CALL.match(text.strip())
    if match is None:
        raise ValueError(f"{PAGE.name}: {text!r} is not `a call`, nor `a call`: a case")
    return Call(match["name"], match["case"] or "")


def _is_rule(cells: list[str]) -> bool:
    return all(set(cell) <= {"-", ":"} for cell in cells)


def _outcomes(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header) or not set(cells[1:]) <= set(OUTCOMES):
        raise ValueError(f"{PAGE.name}: {' | '.join(cells)}: must have one of {OUTCOMES} below each of {header[1:]}")
    return dict(zip(header[1:], cells[1:], strict=True))
