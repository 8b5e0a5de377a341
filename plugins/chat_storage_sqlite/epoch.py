"""The epoch of the event log: the name of one history.

A cursor from a history that was lost must never be mistaken for one of the history that replaced it. So a backup has
no epoch, and gets one when it is opened; and a database file that is not the file that it was (somebody copied it)
begins a new one.
"""

import os
import sqlite3
from pathlib import Path
from typing import Protocol
from uuid import uuid4


class Runs(Protocol):
    """What executes SQL."""

    def execute(self, sql: str, values: tuple[object, ...] = ..., /) -> sqlite3.Cursor: ...


def begin_epoch(db: Runs, path: Path | None) -> str:
    """The epoch of the database, a new one if need be. To be called in a transaction."""
    file = "" if path is None else str(os.stat(path).st_ino)
    known = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('epoch', 'file')").fetchall())
    epoch = known.get("epoch")
    if epoch is None or known.get("file") != file:
        epoch = uuid4().hex
    for key, value in (("epoch", epoch), ("file", file)):
        db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )
    return epoch


def forget_epoch(db: Runs) -> None:
    """Leave it to whoever opens this database to begin an epoch."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        db.execute("DELETE FROM meta WHERE key = 'epoch'")
