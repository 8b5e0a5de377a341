"""`chatcore migrate`: the schema of the database."""

from pathlib import Path

import click
import trio

from chatcli import settings
from chatcli.bars import Bars
from chatcli.listing import json_option, show
from chatcli.settings import config_option, database_options
from chatcli.upkeep import confirm, with_migrator
from chatcore import copy_database
from chatcore.ports import Migration, Migrator

COLUMNS = ("plugin", "version", "name", "applied")


@click.group(short_help="The database's schema: up, down, status.")
def migrate() -> None:
    """The schema of the database, in numbered steps.

    A SQLite database is brought up to date whenever it is opened; any other one only by `migrate up` or
    `serve --migrate`. Take a backup first.
    """


@migrate.command(short_help="Bring the schema up to date.")
@click.option("--to", type=click.IntRange(0), metavar="VERSION", help="Stop at this step.  [default: the last one]")
@database_options
def up(to: int | None, config_file: Path | None, database_url: str | None) -> None:
    """Bring the schema up to date, and the plugins' own tables; make the database if there is none.

    \b
    Examples:
      chatcore migrate up
      chatcore migrate up --database-url sqlite:////var/lib/chatcore/chat.db
    """

    async def work(migrator: Migrator) -> list[str]:
        done = [f"{version:04}" for version in await migrator.up(to)]
        # The plugins' tables stand on the whole schema: not while it is on its way.
        return done + ([] if to is not None else [_step(line) for line in await migrator.plugins_up()])

    _, done = with_migrator(config_file, database_url, work)
    click.echo(f"Applied {', '.join(done)}." if done else "Nothing to do: the schema is up to date.")


@migrate.command()
@click.option("--to", type=click.IntRange(0), metavar="VERSION", help="Undo what lies above it.  [default: one step]")
@click.option("--plugin", metavar="NAME", help="Undo steps of this plugin's own tables instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
def down(to: int | None, plugin: str | None, yes: bool, config_file: Path | None, database_url: str | None) -> None:
    """Undo steps, newest first, to go back to an older release. What only the newer schema can hold is lost.

    \b
    Examples:
      chatcore migrate down
      chatcore migrate down --to 3 --yes
      chatcore migrate down --plugin nospam --to 0
    """
    confirm("This loses data that the older schema cannot hold. Is there a backup, and shall it be done?", yes)

    async def work(migrator: Migrator) -> list[str]:
        lines = await (migrator.status() if plugin is None else migrator.plugin_status())
        applied = [line.version for line in lines if line.applied and line.plugin == (plugin or "")]
        target = (applied[-1] - 1 if applied else 0) if to is None else to
        if plugin is None:
            return [f"{version:04}" for version in await migrator.down(target)]
        return [_step(line) for line in await migrator.plugin_down(plugin, target)]

    _, done = with_migrator(config_file, database_url, work)
    click.echo(f"Undid {', '.join(done)}." if done else "Nothing to do.")


@migrate.command(short_help="Move everything from SQLite into another database.")
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@config_option
def copy(source: str, target: str, config_file: Path | None) -> None:
    """Move everything from the SQLite database SOURCE into the PostgreSQL database TARGET, and verify it.

    Stop the server first, and bring TARGET's schema up to date. What was interrupted goes on where it was when it is
    begun again. Clients keep their sessions and their cursors if the secret moves too.

    \b
    Example:
      chatcore migrate up --database-url postgresql://chat@db/chat
      chatcore migrate copy sqlite:///chat.db postgresql://chat@db/chat
    """
    config = settings.read(config_file)
    with Bars() as bars:
        counts = trio.run(copy_database, config, source, target, bars.show)
    click.echo(f"Moved {sum(counts.values()):,} rows of {len(counts)} tables; both hold the same.")


@migrate.command(short_help="List the steps of the schema, and which are done.")
@json_option
@database_options
def status(as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List the steps of the schema and of the plugins' own tables, and which of them the database has.

    \b
    Example:
      chatcore migrate status
    """

    async def work(migrator: Migrator) -> list[Migration]:
        return [*await migrator.status(), *await migrator.plugin_status()]

    _, lines = with_migrator(config_file, database_url, work)
    show([_row(line) for line in lines], COLUMNS, as_json=as_json, none="There are no steps.")


def _row(line: Migration) -> dict[str, object]:
    return {"plugin": line.plugin, "version": line.version, "name": line.name, "applied": line.applied}


def _step(line: Migration) -> str:
    return f"{line.plugin} {line.version:04}"
