"""Tables and JSON."""

import pytest
from tests.cli.shell import Run

from chatcli.listing import cell, heading, printable, table, width


def test_columns_stand_under_each_other_whatever_the_letters_are() -> None:
    rows = [{"name": "Ada", "isBot": False}, {"name": "日本", "isBot": True}, {"name": "e\u0301mile"}]
    lines = table(rows, ("name", "isBot"))
    assert lines == ["NAME   IS BOT", "Ada    no", "日本   yes", "e\u0301mile  -"]
    assert {width(line[: line.index(end)]) for line, end in zip(lines, ("IS", "no", "yes", "-"), strict=True)} == {7}


def test_heading() -> None:
    assert heading("displayName") == "DISPLAY NAME"


@pytest.mark.parametrize("hostile", ["\x1b[2Jgone", "a\u202eb", "a\x9b31mb", "half \ud800", "bell\x07"])
def test_what_would_change_the_terminal_is_not_printed(hostile: str) -> None:
    shown = printable(hostile)
    assert shown != hostile
    assert "\ufffd" in shown
    assert shown.encode()


def test_a_cell_is_one_line() -> None:
    assert cell("two\n  lines") == "two lines"
    assert cell([]) == cell(None) == "-"


def test_an_empty_list_is_said_on_stderr_and_is_empty_json(run: Run) -> None:
    assert run("migrate", "up").exit_code == 0
    done = run("user", "list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "There are no accounts.\n")
    assert run("user", "list", "--json").stdout == "[]\n"
