"""Settings of a command: flags win over the environment, the environment over `chat.toml`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from chatcore.config import Config, load

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE = Path("chat.toml")
OWN_VARIABLES = (
    "CHATCORE_URL",
    "CHATCORE_TOKEN",
    "CHATCORE_WORKSPACE",
    "CHATCORE_BOT_DATA",
    "CHATCORE_CHECK_URL",
)
"""Read by bots, and by commands that talk to a running server or try a plugin; they are no settings of a server."""


def config_option(command: F) -> F:
    """`--config`, for every command that reads settings."""
    return click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Settings file.  [default: chat.toml in the working directory, if there is one]",
    )(command)


def database_options(command: F) -> F:
    """`--config` and `--database-url`, for every command that opens the database itself."""
    option = click.option(
        "--database-url",
        metavar="URL",
        help="Database to work on (DATABASE_URL).  [default: sqlite:///chat.db]",
    )
    return config_option(option(command))


def read(config_file: Path | None, flags: Mapping[str, Any] | None = None) -> Config:
    """The settings of this call. Raises ConfigError with the line, variable or flag that is wrong."""
    if config_file is None and DEFAULT_FILE.is_file():
        config_file = DEFAULT_FILE
    environ = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    return load(file=config_file, environ=environ, flags=flags)
