"""The lane of a database in memory: one connection, used in the Trio thread itself.

There is no disk to wait for; and without a thread, a test with an autojump clock never sees time pass while it reads.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trio

from chat_storage_sqlite.backup import copy_connection
from chat_storage_sqlite.batch import Act, Batch
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.readers import read
from chat_storage_sqlite.tx import Setting
from chatcore.errors import Unavailable
from chatcore.ports import Envelope


class Inline:
    """Every call is done at once, in the order of the calls, and lets others run after it."""

    def __init__(self, db: Connection, setting: Setting, deliver: Callable[[Sequence[Envelope]], None]) -> None:
        self._db = db
        self._setting = setting
        self._deliver = deliver
        self._closed = False

    async def write(self, act: Act) -> Any:
        await self._ready()
        try:
            return self._write(act)
        finally:
            await trio.lowlevel.cancel_shielded_checkpoint()

    def _write(self, act: Act) -> Any:
        batch = Batch(self._db, self._setting)
        self._db.run("BEGIN IMMEDIATE")
        try:
            batch.perform([act])
            self._db.run("COMMIT")
        except BaseException:  # KeyboardInterrupt too: the connection must not keep half a transaction
            self._db.rollback()
            raise
        envelopes = batch.committed()
        if envelopes:
            self._deliver(envelopes)
        return batch.outcomes[0].unwrap()

    async def read(self, act: Act) -> Any:
        await self._ready()
        self._db.run("PRAGMA query_only = ON")
        try:
            return read(self._db, self._setting, act)
        finally:
            self._db.run("PRAGMA query_only = OFF")
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def copy(self, target: Path) -> None:
        await self._ready()
        copy_connection(self._db.raw, target)

    def facts(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self._closed = True
        self._db.close()

    async def _ready(self) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise Unavailable("The storage is closed.")
