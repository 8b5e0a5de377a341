"""`chatcore backup` and `restore`: a copy of the database, and the way back."""

from datetime import UTC, datetime
from pathlib import Path

import click

from chatcli.operator import database_file, operate
from chatcli.problem import Failure
from chatcli.settings import database_options
from chatcli.upkeep import confirm, with_migrator
from chatcore import Chat


def free_target(target: Path, force: bool) -> Path:
    """The file to write: the target, or one named by the time inside that folder. Raises Failure when it is there."""
    if target.is_dir():
        target = target / f"chat-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
    if not target.parent.is_dir():
        raise Failure(f"there is no folder {target.parent}: make it first")
    if target.exists() and not force:
        raise Failure(f"{target} is there already: choose another name, or replace it with --force")
    return target


@click.command(short_help="Copy the database while it is in use.")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace TARGET if it is there.")
@database_options
def backup(target: Path, force: bool, config_file: Path | None, database_url: str | None) -> None:
    """Copy the database to the file TARGET, or into the folder TARGET under a name made of the time.

    The server goes on meanwhile. The copy is one consistent moment, checked before this returns; only its owner may
    read it. The secret and the uploads lie beside the database and are not in it: copy those files too.

    \b
    Examples:
      chatcore backup chat-before-upgrade.db
      chatcore backup /var/backups/chatcore/
    """
    file = free_target(target, force)

    async def work(chat: Chat) -> None:
        await chat.storage.backup(str(file))

    operate(config_file, database_url, work)
    click.echo(f"Saved {file} ({file.stat().st_size / 1024 / 1024:.1f} MiB).")


@click.command(short_help="Put a backup in the place of the database.")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
def restore(source: Path, yes: bool, config_file: Path | None, database_url: str | None) -> None:
    """Put the backup SOURCE in the place of the database. Stop the server first.

    What was said since the backup is lost. Clients that come back notice, and read afresh.

    \b
    Example:
      chatcore restore /var/backups/chatcore/chat-20260131T030000Z.db --yes
    """
    confirm("This replaces the database, and all that was said since the backup is lost. Do it?", yes)
    config, _ = with_migrator(config_file, database_url, lambda migrator: migrator.restore(str(source)))
    click.echo(f"Restored {database_file(config) or 'the database'} from {source}.")
