"""Copies of a database: taken while everything goes on, and put back."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from chat_storage_sqlite.connection import connect_to_read
from chat_storage_sqlite.epoch import forget_epoch
from chat_storage_sqlite.faults import is_busy
from chatcore.durable import put_in_place
from chatcore.errors import ConfigError, Unavailable


def copy_file(source: Path, target: Path) -> None:
    """Copy the database in `source`, which may be in use, to the file `target`. Raises Unavailable."""
    if target.exists() and target.samefile(source):
        raise Unavailable(f"{target} is the database itself: name another file for its backup.")
    try:
        with closing(connect_to_read(source)) as raw:
            copy_connection(raw, target)
    except sqlite3.Error as error:
        raise Unavailable(f"The backup failed: {error}.") from error


def copy_connection(source: sqlite3.Connection, target: Path) -> None:
    """Copy a database to the file `target`, whole or not at all.

    The copy carries no epoch: it begins one of its own when it is opened.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            # All at once: one snapshot. In steps it would begin again whenever somebody has written in between.
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
            forget_epoch(copy)
            _check(copy, part)
        put_in_place(part, target)
    except OSError as error:
        raise Unavailable(f"The backup cannot be written to {target}: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def restore(source: Path, target: Path) -> None:
    """Put the backup `source` in the place of the database `target`, which nobody may have open.

    Raises ConfigError when the backup is damaged or the database is in use.
    """
    if not source.is_file():
        raise ConfigError(f"There is no backup {source}.")
    if target.exists():
        _put_away(target)
    try:
        with closing(connect_to_read(source)) as raw:
            _check(raw, source)
            copy_connection(raw, target)
    except sqlite3.Error as error:
        raise ConfigError(f"The backup {source} cannot be restored: {error}.") from error


def close_for_good(target: Path) -> None:
    """Fold the write-ahead log of a database away, so that it is never played into what takes its place.

    Raises ConfigError when somebody has it open.
    """
    with closing(sqlite3.connect(target, isolation_level=None, timeout=1)) as raw:
        try:
            raw.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if is_busy(error):
                raise ConfigError(f"{target} is in use: stop the server first.") from error
            raise


def _put_away(target: Path) -> None:
    """Take the old database out of the way: one that is damaged beyond opening must not keep its backup out."""
    try:
        close_for_good(target)
    except sqlite3.Error:
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)


def _check(raw: sqlite3.Connection, path: Path) -> None:
    (verdict,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise ConfigError(f"{path} is damaged: {verdict}")
