"""The event log."""

from datetime import datetime, timedelta

import orjson

from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection
from chatcore.errors import NotFound
from chatcore.events import Audience, Event, MessageUpdated, Scope
from chatcore.ids import WorkspaceId
from chatcore.model import Position
from chatcore.ports import Clock, Envelope, seal

_APPEND = """
    INSERT INTO events (workspace_id, seq, type, scope, channel_id, user_id, object_id, data, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SINCE = """
    SELECT json_group_array(json_array(seq, type, scope, channel_id, user_id, data))
    FROM (SELECT * FROM events WHERE workspace_id = ? AND seq > ? ORDER BY seq LIMIT ?)
"""
# The first event that is young enough ends the search, so it costs what is forgotten and no more. One from the future
# was written while the clock was wrong: it must not hold up the rest.
_CUT = """
    SELECT seq FROM events WHERE workspace_id = ? AND seq > ? AND created_at BETWEEN ? AND ? ORDER BY seq LIMIT 1
"""
_FUTURE = timedelta(days=1)


class EventLog:
    def __init__(self, db: Connection, epoch: str, clock: Clock, appended: list[Envelope]) -> None:
        self._db = db
        self._epoch = epoch
        self._clock = clock
        self._appended = appended

    async def append(self, event: Event) -> int:
        seq = self._db.value("UPDATE workspaces SET seq = seq + 1 WHERE id = ? RETURNING seq", event.workspace_id)
        if seq is None:
            raise NotFound.of("workspace")
        envelope = seal(event, self._epoch, seq)
        audience = envelope.audience
        self._db.run(
            _APPEND,
            event.workspace_id,
            seq,
            envelope.type,
            audience.scope.value,
            audience.channel_id,
            audience.user_id,
            event.message_id if isinstance(event, MessageUpdated) else None,
            envelope.data.decode(),
            to_ms(self._clock.now()),
        )
        self._appended.append(envelope)
        return int(seq)

    async def position(self, workspace_id: WorkspaceId) -> Position:
        return Position(epoch=self._epoch, seq=self._place(workspace_id, "seq"))

    async def oldest(self, workspace_id: WorkspaceId) -> int:
        return self._place(workspace_id, "trimmed_seq")

    async def since(self, workspace_id: WorkspaceId, seq: int, *, limit: int) -> list[Envelope]:
        rows = self._db.json(_SINCE, workspace_id, seq, limit)
        return [
            Envelope(workspace_id, self._epoch, place, type_, _audience(*audience), data.encode())
            for place, type_, *audience, data in rows
        ]

    async def trim(self, before: datetime) -> int:
        found = self._db.json("SELECT json_group_array(json_array(id, seq, trimmed_seq)) FROM workspaces")
        return sum(self._trim(workspace_id, newest, start, before) for workspace_id, newest, start in found)

    def _trim(self, workspace_id: str, newest: int, start: int, before: datetime) -> int:
        future = to_ms(self._clock.now() + _FUTURE)
        first_kept = self._db.value(_CUT, workspace_id, start, to_ms(before), future)
        cut = newest if first_kept is None else first_kept - 1
        if cut <= start:
            return 0
        self._db.run("UPDATE workspaces SET trimmed_seq = ? WHERE id = ?", cut, workspace_id)
        return self._db.run("DELETE FROM events WHERE workspace_id = ? AND seq <= ?", workspace_id, cut)

    def _place(self, workspace_id: WorkspaceId, column: str) -> int:
        found = self._db.value(f"SELECT {column} FROM workspaces WHERE id = ?", workspace_id)
        if found is None:
            raise NotFound.of("workspace")
        return int(found)


def _audience(scope: str, channel_id: str | None, user_id: str | None) -> Audience:
    return Audience(Scope(scope), channel_id, user_id)  # type: ignore[arg-type]


def forget_message(db: Connection, workspace_id: str, seqs: list[int], message_ids: list[str]) -> None:
    """Take the text of deleted messages out of the log: what created them, and their edits."""
    db.run(
        "DELETE FROM events WHERE workspace_id = ? AND seq IN (SELECT value FROM json_each(?))",
        workspace_id,
        orjson.dumps(seqs).decode(),
    )
    db.run(
        "DELETE FROM events WHERE object_id IN (SELECT value FROM json_each(?))",
        orjson.dumps(message_ids).decode(),
    )
