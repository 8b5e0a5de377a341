"""Work on the schema and the file of a database, without opening the chat in it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import trio

from chatcli import settings
from chatcore import open_migrator
from chatcore.config import Config
from chatcore.ports import Migrator

T = TypeVar("T")


def with_migrator(
    config_file: Path | None, database_url: str | None, work: Callable[[Migrator], Awaitable[T]]
) -> tuple[Config, T]:
    """Do the work on the schema of the configured database; the configuration, and what came of it."""
    config = settings.read(config_file, {"database_url": database_url})

    async def run() -> T:
        async with open_migrator(config) as migrator:
            return await work(migrator)

    return config, trio.run(run)


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be undone, unless told --yes. Raises Abort."""
    if not yes:
        click.confirm(question, abort=True, err=True)
