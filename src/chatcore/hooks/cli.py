"""Commands of a plugin for the command line, as data: `chatcore plugins run NAME COMMAND`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

Row = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class CliOption:
    """`name` is the argument of `run` and, with hyphens, the flag. A `positional` one has no flag and is required."""

    name: str
    about: str
    positional: bool = False
    default: str | None = None
    flag: bool = False
    """Given or not: True or False."""


@attrs.frozen(kw_only=True)
class CliCommand:
    """`run(chat, **options)` works on the database's chat, beside a server that may be running.

    It answers with rows for a table (or `--json`), with a text, or with nothing. Its errors are told in one line.
    """

    name: str
    about: str
    run: Callable[..., Awaitable[Sequence[Row] | str | None]]
    options: tuple[CliOption, ...] = ()
    columns: tuple[str, ...] = ()
