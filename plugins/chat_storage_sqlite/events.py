"""The event log."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from chat_storage_sqlite.columns import to_ms
from chat_storage_sqlite.connection import Connection
from chat_storage_sqlite.places import event_place
from chatcore.errors import NotFound
from chatcore.events import Audience, Event, MessageUpdated, Scope
from chatcore.ids import WorkspaceId
from chatcore.model import Position
from chatcore.ports import Envelope, seal

_NEXT = "UPDATE workspaces SET seq = seq + 1 WHERE id = ? RETURNING number, seq"
_POSITIONS = """
    SELECT json_group_array(json_array(id, seq)) FROM workspaces WHERE id IN (SELECT value FROM json_each(?))
"""
_APPEND = """
    INSERT INTO events (place, type, scope, channel_id, user_id, object_id, data, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_SINCE = """
    SELECT json_group_array(json_array(place - ?1, type, scope, channel_id, user_id, data))
    FROM (SELECT * FROM events WHERE place > ?1 + ?2 AND place <= ?1 + ?3 ORDER BY place LIMIT ?4)
"""
# The first event that is young enough ends the search, so it costs what is forgotten and no more. One from the future
# was written while the clock was wrong: it must not hold up the rest.
_CUT = """
    SELECT place FROM events WHERE place > ? AND place <= ? AND created_at BETWEEN ? AND ? ORDER BY place LIMIT 1
"""
_BLANK = """
    UPDATE events SET data = json_set(data, '$.message.content', '', '$.message.attachments', json('[]'))
    WHERE place IN (SELECT value FROM json_each(?))
"""
_FUTURE = 86_400_000
"""A day, in milliseconds."""


class EventLog:
    def __init__(self, db: Connection, epoch: str, now_ms: int, appended: list[Envelope]) -> None:
        self._db = db
        self._epoch = epoch
        self._now_ms = now_ms
        self._appended = appended

    async def append(self, event: Event) -> int:
        found = self._db.row(_NEXT, event.workspace_id)
        if found is None:
            raise NotFound.of("workspace")
        number, seq = found
        envelope = seal(event, self._epoch, seq)
        audience = envelope.audience
        self._db.run(
            _APPEND,
            event_place(number, seq),
            envelope.type,
            audience.scope.value,
            audience.channel_id,
            audience.user_id,
            event.message_id if isinstance(event, MessageUpdated) else None,
            envelope.data.decode(),
            self._now_ms,
        )
        self._appended.append(envelope)
        return int(seq)

    async def position(self, workspace_id: WorkspaceId) -> Position:
        _, newest, _ = self._log(workspace_id)
        return Position(epoch=self._epoch, seq=newest)

    async def positions(self, workspace_ids: Sequence[WorkspaceId]) -> dict[WorkspaceId, int]:
        return {WorkspaceId(id_): seq for id_, seq in self._db.json(_POSITIONS, orjson.dumps(workspace_ids).decode())}

    async def oldest(self, workspace_id: WorkspaceId) -> int:
        _, _, trimmed = self._log(workspace_id)
        return trimmed

    async def since(self, workspace_id: WorkspaceId, seq: int, *, limit: int) -> list[Envelope]:
        number, newest, _ = self._log(workspace_id)
        rows = self._db.json(_SINCE, event_place(number, 0), seq, newest, limit)
        return [
            Envelope(workspace_id, self._epoch, place, type_, _audience(*audience), data.encode())
            for place, type_, *audience, data in rows
        ]

    async def trim(self, before: datetime) -> int:
        found = self._db.json("SELECT json_group_array(json_array(number, seq, trimmed_seq)) FROM workspaces")
        return sum(self._trim(number, newest, trimmed, before) for number, newest, trimmed in found)

    def _trim(self, number: int, newest: int, trimmed: int, before: datetime) -> int:
        start, end = event_place(number, trimmed), event_place(number, newest)
        first_kept = self._db.value(_CUT, start, end, to_ms(before), self._now_ms + _FUTURE)
        cut = end if first_kept is None else first_kept - 1
        if cut <= start:
            return 0
        self._db.run("UPDATE workspaces SET trimmed_seq = ? WHERE number = ?", cut - event_place(number, 0), number)
        return self._db.run("DELETE FROM events WHERE place > ? AND place <= ?", start, cut)

    def _log(self, workspace_id: WorkspaceId) -> tuple[int, int, int]:
        """The workspace's number, the seq of its newest event, and that up to which the log was trimmed."""
        found = self._db.row("SELECT number, seq, trimmed_seq FROM workspaces WHERE id = ?", workspace_id)
        if found is None:
            raise NotFound.of("workspace")
        return found[0], found[1], found[2]


def _audience(scope: str, channel_id: str | None, user_id: str | None) -> Audience:
    return Audience(Scope(scope), channel_id, user_id)  # type: ignore[arg-type]


def forget_message(db: Connection, workspace_number: int, seqs: list[int], message_ids: list[str]) -> None:
    """Take the text of deleted messages out of the log: out of the events that created them, and with their edits."""
    places = orjson.dumps([event_place(workspace_number, seq) for seq in seqs]).decode()
    ids = orjson.dumps(message_ids).decode()
    db.run(_BLANK, places)
    db.run("DELETE FROM events WHERE object_id IN (SELECT value FROM json_each(?))", ids)
