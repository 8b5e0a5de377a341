"""What tests of the command line share."""

import sys
from pathlib import Path
from typing import Protocol

from click.testing import Result

CHATCORE = str(Path(sys.executable).with_name("chatcore"))
"""The command as it is installed beside this Python."""


class Run(Protocol):
    def __call__(self, *args: str, input: str | None = None) -> Result: ...


def said(result: Result) -> str:
    """The one line on stderr of a command that failed."""
    assert result.exit_code != 0, result.stdout
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return line
