"""The event log."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson

from chat_storage_postgres.columns import dump_json, known_id
from chat_storage_postgres.connection import Connection
from chatcore.errors import NotFound
from chatcore.events import Audience, Event, MessageUpdated, Scope
from chatcore.ids import WorkspaceId
from chatcore.model import Position
from chatcore.ports import Envelope, seal

# The lock of the workspace's row, the next seq, and the event in its place. `changed_by` is the transaction that wrote
# the version of the row that we found behind the lock.
_APPEND = """
    WITH found AS (
        SELECT xmin::text::bigint AS changed_by FROM workspaces WHERE id = $1 FOR NO KEY UPDATE
    ), next AS (
        UPDATE workspaces w SET seq = w.seq + 1 FROM found WHERE w.id = $1 RETURNING w.seq, found.changed_by
    ), event AS (
        INSERT INTO events (workspace_id, seq, type, scope, channel_id, user_id, object_id, data, created_at)
        SELECT $1, seq, $2, $3, $4, $5, $6, $7, $8 FROM next
    )
    SELECT seq, changed_by FROM next
"""
_POSITIONS = "SELECT id, seq FROM workspaces WHERE id = ANY($1::uuid[])"
_LOG = "SELECT seq, trimmed_seq FROM workspaces WHERE id = $1"
_SINCE = """
    SELECT w.id, e.seq, e.type, e.scope, e.channel_id, e.user_id, e.data FROM workspaces w
    LEFT JOIN LATERAL (
        SELECT * FROM events e WHERE e.workspace_id = w.id AND e.seq > $2 AND e.seq <= w.seq ORDER BY e.seq LIMIT $3
    ) e ON true
    WHERE w.id = $1 ORDER BY e.seq
"""
_LOGS = "SELECT id, seq, trimmed_seq FROM workspaces ORDER BY id"
# The first event that is young enough ends the search, so it costs what is forgotten and no more. One from the future
# was written while the clock was wrong: it must not hold up the rest.
_CUT = """
    SELECT seq FROM events
    WHERE workspace_id = $1 AND seq > $2 AND seq <= $3 AND created_at BETWEEN $4 AND $5 ORDER BY seq LIMIT 1
"""
_TRIMMED = """
    UPDATE workspaces w SET trimmed_seq = n.seq FROM unnest($1::uuid[], $2::bigint[]) AS n (id, seq) WHERE w.id = n.id
"""
_TRIM = "DELETE FROM events WHERE workspace_id = $1 AND seq > $2 AND seq <= $3"
_TEXTS = "SELECT seq, data FROM events WHERE workspace_id = $1 AND seq = ANY($2::bigint[])"
_BLANK = """
    UPDATE events e SET data = n.data FROM unnest($2::bigint[], $3::text[]) AS n (seq, data)
    WHERE e.workspace_id = $1 AND e.seq = n.seq
"""
_FUTURE = timedelta(days=1)


class EventLog:
    def __init__(self, db: Connection, epoch: str, now: datetime, appended: list[Envelope]) -> None:
        self._db = db
        self._epoch = epoch
        self._now = now
        self._appended = appended

    async def append(self, event: Event) -> int:
        envelope = seal(event, self._epoch)
        audience = envelope.audience
        found = await self._db.row(
            _APPEND,
            known_id(event.workspace_id),
            envelope.type,
            audience.scope.value,
            audience.channel_id,
            audience.user_id,
            event.message_id if isinstance(event, MessageUpdated) else None,
            envelope.data.decode(),
            self._now,
        )
        if found is None:
            raise NotFound.of("workspace")
        envelope.seq, changed_by = found
        self._db.check_fresh(event.workspace_id, changed_by)
        self._appended.append(envelope)
        return envelope.seq

    async def position(self, workspace_id: WorkspaceId) -> Position:
        newest, _ = await self._log(workspace_id)
        return Position(epoch=self._epoch, seq=newest)

    async def positions(self, workspace_ids: Sequence[WorkspaceId]) -> dict[WorkspaceId, int]:
        rows = await self._db.rows(_POSITIONS, [known_id(id_) for id_ in workspace_ids])
        return {WorkspaceId(id_): seq for id_, seq in rows}

    async def oldest(self, workspace_id: WorkspaceId) -> int:
        _, trimmed = await self._log(workspace_id)
        return trimmed

    async def since(self, workspace_id: WorkspaceId, seq: int, *, limit: int) -> list[Envelope]:
        rows = await self._db.rows(_SINCE, known_id(workspace_id), seq, limit)
        if not rows:
            raise NotFound.of("workspace")
        return [
            Envelope(workspace_id, self._epoch, place, type_, _audience(*audience), data.encode())
            for _, place, type_, *audience, data in rows
            if place is not None
        ]

    async def trim(self, before: datetime) -> int:
        cuts: dict[str, int] = {}
        forgotten = 0
        for id_, newest, trimmed in await self._db.rows(_LOGS):
            first_kept = await self._db.value(_CUT, id_, trimmed, newest, before, self._now + _FUTURE)
            cut = newest if first_kept is None else first_kept - 1
            if cut > trimmed:
                cuts[id_] = cut
                forgotten += await self._db.run(_TRIM, id_, trimmed, cut)
        if cuts:
            # Last, because from here to the commit nobody else can add an event there.
            await self._db.run(_TRIMMED, list(cuts), list(cuts.values()))
        return forgotten

    async def _log(self, workspace_id: WorkspaceId) -> tuple[int, int]:
        """The seq of the workspace's newest event, and that up to which the log was trimmed."""
        found = await self._db.row(_LOG, known_id(workspace_id))
        if found is None:
            raise NotFound.of("workspace")
        return found[0], found[1]


def _audience(scope: str, channel_id: str | None, user_id: str | None) -> Audience:
    return Audience(Scope(scope), channel_id, user_id)  # type: ignore[arg-type]  # columns of the query


async def forget_message(db: Connection, workspace_id: str, seqs: list[int], message_ids: list[str]) -> None:
    """Take the text of deleted messages out of the log: out of the events that created them, and with their edits."""
    texts = await db.rows(_TEXTS, workspace_id, seqs)
    blanks = [_without_text(data) for _, data in texts]
    await db.run(_BLANK, workspace_id, [seq for seq, _ in texts], blanks)
    await db.run("DELETE FROM events WHERE object_id = ANY($1::uuid[])", message_ids)


def _without_text(data: str) -> str:
    fields = orjson.loads(data)
    fields["message"] |= {"content": "", "attachments": []}
    return dump_json(fields)
