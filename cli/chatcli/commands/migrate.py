"""`chatcore migrate`: the schema of the database."""

from pathlib import Path

import click

from chatcli.listing import json_option, show
from chatcli.settings import database_options
from chatcli.upkeep import confirm, with_migrator
from chatcore.ports import Migration, Migrator

COLUMNS = ("version", "name", "applied")


@click.group(short_help="The database's schema: up, down, status.")
def migrate() -> None:
    """The schema of the database, in numbered steps.

    A SQLite database is brought up to date whenever it is opened; any other one only by `migrate up` or
    `serve --migrate`. Take a backup first.
    """


@migrate.command()
@click.option("--to", type=click.IntRange(0), metavar="VERSION", help="Stop at this step.  [default: the last one]")
@database_options
def up(to: int | None, config_file: Path | None, database_url: str | None) -> None:
    """Bring the schema up to date; make the database if there is none.

    \b
    Examples:
      chatcore migrate up
      chatcore migrate up --database-url sqlite:////var/lib/chatcore/chat.db
    """
    _, done = with_migrator(config_file, database_url, lambda migrator: migrator.up(to))
    click.echo(f"Applied {_numbers(done)}." if done else "Nothing to do: the schema is up to date.")


@migrate.command()
@click.option("--to", type=click.IntRange(0), metavar="VERSION", help="Undo what lies above it.  [default: one step]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
def down(to: int | None, yes: bool, config_file: Path | None, database_url: str | None) -> None:
    """Undo steps, newest first, to go back to an older release. What only the newer schema can hold is lost.

    \b
    Examples:
      chatcore migrate down
      chatcore migrate down --to 3 --yes
    """
    confirm("This loses data that the older schema cannot hold. Is there a backup, and shall it be done?", yes)

    async def work(migrator: Migrator) -> list[int]:
        applied = [line.version for line in await migrator.status() if line.applied]
        target = (applied[-1] - 1 if applied else 0) if to is None else to
        return await migrator.down(target)

    _, done = with_migrator(config_file, database_url, work)
    click.echo(f"Undid {_numbers(done)}." if done else "Nothing to do.")


@migrate.command()
@json_option
@database_options
def status(as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List the steps of the schema, and which of them the database has.

    \b
    Example:
      chatcore migrate status
    """
    _, lines = with_migrator(config_file, database_url, lambda migrator: migrator.status())
    show([_row(line) for line in lines], COLUMNS, as_json=as_json, none="There are no steps.")


def _row(line: Migration) -> dict[str, object]:
    return {"version": line.version, "name": line.name, "applied": line.applied}


def _numbers(versions: list[int]) -> str:
    return ", ".join(f"{version:04}" for version in versions)
