"""`chatcore export` and `import`: everything in one file that any storage takes in."""

from pathlib import Path

import click
import trio

from chatcli import settings
from chatcli.bars import Bars
from chatcli.operator import require_database
from chatcli.problem import Failure
from chatcli.settings import database_options
from chatcore import export_database, import_database


@click.command("export", short_help="Write everything to one file of JSON lines.")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace TARGET if it is there.")
@database_options
def export_(target: Path, force: bool, config_file: Path | None, database_url: str | None) -> None:
    """Write everything in the database, as it is at one moment, to the file TARGET.

    The server may go on meanwhile. `chatcore import` makes a database of it again, of the same kind or another. Only
    its owner may read it: what people wrote is in it, and their passwords' hashes. The secret and the uploads are not.

    \b
    Examples:
      chatcore export chat.jsonl
      chatcore export --database-url postgresql://chat@db/chat chat.jsonl
    """
    if not target.parent.is_dir():
        raise Failure(f"there is no folder {target.parent}: make it first")
    if target.is_dir():
        raise Failure(f"{target} is a folder: name a file")
    if target.exists() and not force:
        raise Failure(f"{target} is there already: choose another name, or replace it with --force")
    config = settings.read(config_file, {"database_url": database_url})
    require_database(config)
    with Bars() as bars:
        counts = trio.run(export_database, config, target, bars.show)
    click.echo(f"Exported {sum(counts.values()):,} rows of {len(counts)} tables to {target}.")


@click.command("import", short_help="Make a database of an exported file.")
@click.argument("source", type=click.Path(path_type=Path))
@database_options
def import_(source: Path, config_file: Path | None, database_url: str | None) -> None:
    """Take everything in the file SOURCE into a new database, and verify it.

    A SQLite file must not be there yet; it appears when it is whole. A PostgreSQL database must be empty, with the
    schema; what was interrupted goes on where it was when it is begun again. Clients that come back read afresh, and
    keep their sessions if the secret moves too.

    \b
    Examples:
      chatcore import --database-url sqlite:///new.db chat.jsonl
      chatcore migrate up --database-url postgresql://chat@db/chat
      chatcore import --database-url postgresql://chat@db/chat chat.jsonl
    """
    config = settings.read(config_file, {"database_url": database_url})
    with Bars() as bars:
        counts = trio.run(import_database, config, source, bars.show)
    click.echo(f"Imported {sum(counts.values()):,} rows of {len(counts)} tables; the database holds the same.")
