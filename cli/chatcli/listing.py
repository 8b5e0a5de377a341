"""What commands print: tables for people, JSON for programs."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import orjson

Row = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

# Escape sequences could repaint the terminal; overrides of the writing direction make one name look like another.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def json_option(command: F) -> F:
    """`--json`, the same for every command that lists something."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def show(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, none: str) -> None:
    """Print rows: all of their fields as JSON, or the `columns` of a table; `none` is said when there is nothing."""
    if as_json:
        show_json(list(rows))
    elif not rows:
        click.echo(none, err=True)
    else:
        for line in table(rows, columns):
            click.echo(line)


def show_json(data: Any) -> None:
    """Print a value, indented."""
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())


def json_line(data: Any) -> str:
    """A value on one line, for streams."""
    return orjson.dumps(data).decode()


def table(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Lines of a table with a header; the last column is not padded."""
    cells = [[heading(column) for column in columns]]
    cells += [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(width(line[index]) for line in cells) for index in range(len(columns))]
    return ["  ".join(_padded(text, widths[index]) for index, text in enumerate(line)).rstrip() for line in cells]


def heading(column: str) -> str:
    """`displayName` -> `DISPLAY NAME`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).upper()


def cell(value: Any) -> str:
    """A value as a person reads it, on one line."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(each) for each in value) or "-"
    return " ".join(printable(str(value)).split())


def printable(text: str) -> str:
    """The text without what could change the terminal; line breaks and tabs stay."""
    return _UNSAFE.sub("\ufffd", text)


def moment(time: datetime | None) -> str | None:
    """`2026-01-31T12:00:00.123Z`, as everywhere outside."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def width(text: str) -> int:
    """Columns that a terminal needs for the text: two for wide characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
