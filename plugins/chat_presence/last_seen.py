"""When people were last there, kept over restarts: written a little later, and many at once."""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

import trio

from chatcore.errors import ChatError
from chatcore.ids import UserId
from chatcore.model import Presence
from chatcore.ports import Storage, Tx

GATHER_SECONDS = 2.0
"""How long changes are gathered before they are written."""
BATCH = 200
"""People in one transaction: messages wait for it, some milliseconds."""
CLOSE_SECONDS = 2.0
"""How long closing may wait for the last write."""

log = logging.getLogger("chatcore.presence.memory")


class LastSeen:
    """The table `presence` of the storage. `run` must be running for notes to be written."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._notes: dict[UserId, Presence] = {}
        self._noted = trio.Event()

    async def load(self, user_ids: Iterable[UserId]) -> dict[UserId, datetime | None]:
        """When these people were last there, None for never; nobody when the storage is away."""
        wanted = list(user_ids)

        async def work(tx: Tx) -> dict[UserId, datetime | None]:
            found: dict[UserId, datetime | None] = {}
            for user_id in wanted:
                row = await tx.presence.get(user_id)
                found[user_id] = None if row is None else row.last_seen
            return found

        try:
            return await self._storage.read(work)
        except ChatError as error:
            log.warning("cannot read when %d people were last seen: %s", len(wanted), error.message)
            return {}

    def note(self, presence: Presence) -> None:
        """Write this down, soon."""
        self._notes[presence.user_id] = presence
        self._noted.set()

    async def run(self) -> None:
        """Write what is noted; never returns."""
        while True:
            await self._noted.wait()
            await trio.sleep(GATHER_SECONDS)
            self._noted = trio.Event()
            await self.flush()

    async def flush(self) -> None:
        """Write everything that is noted now. When the storage is away, it waits for the next time."""
        while self._notes:
            batch = dict(islice(self._notes.items(), BATCH))
            try:
                await self._storage.write(lambda tx, batch=batch: _write(tx, batch))  # type: ignore[misc]
            except ChatError as error:
                log.warning("cannot write when %d people were last seen: %s", len(self._notes), error.message)
                return
            for user_id, written in batch.items():
                if self._notes.get(user_id) is written:
                    del self._notes[user_id]

    async def close(self) -> None:
        """Write what is left, cancelled or not, within `CLOSE_SECONDS`."""
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await self.flush()


async def _write(tx: Tx, batch: dict[UserId, Presence]) -> None:
    for user_id, presence in batch.items():
        if await tx.presence.get(user_id) is not None:
            await tx.presence.update(presence)
        elif await tx.users.get(user_id) is not None:
            await tx.presence.insert(presence)
