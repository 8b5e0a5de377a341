"""Joining a workspace: from which event on a socket is live, and what it missed before that. Each event once, in order.

The socket's place in the room is taken first, by a stand-in that holds what comes. Then the hub says where it stands;
what the client missed is read from the log up to exactly there, and what was held after it follows. Should more be held
than is sensible, it is let go, and read from the log in turn: never is a part given for the whole.
"""

from collections.abc import Iterator, Sequence

import attrs
import trio

from chatcore.events import scope_for
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Position
from chatcore.ports import Envelope
from chatcore.service.hub import Hub
from chatserver.gateway.answers import event_text
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.room import Room, Scopes
from chatserver.net.batch import Batch, Text
from chatserver.net.socket import QUEUE_LIMIT, Socket

READS_AT_ONCE = 4
"""Of the log, for those who come back. When thousands do so at once, a thousand reads must not stand before what
somebody else asks of the storage."""
PAGE_BYTES = 256 * 1024
"""Written to a socket at a time while it catches up; the next piece waits until that is nearly gone."""


class Holding:
    """Stands in for a socket that catches up. What was on its way to it when the socket took its place is passed on."""

    def __init__(self) -> None:
        self.overflowed = False
        self._texts: list[Text] = []
        self._size = 0
        self._successor: Socket | None = None
        self._position = 0

    def write(self, batch: Batch) -> None:
        if self._successor is not None:
            self._pass_on(batch.texts)
            return
        self._size += batch.size
        if self._size > QUEUE_LIMIT:
            self.overflowed = True
            self._texts.clear()
        elif not self.overflowed:
            self._texts.extend(batch.texts)

    def begin_again(self) -> None:
        """Let go of everything; the log has it."""
        self.overflowed, self._size = False, 0
        self._texts.clear()

    def give_way(self, successor: Socket, position: int) -> None:
        """To the socket goes what was held of later than `position`, and what has no seq; then what still comes."""
        self._successor, self._position = successor, position
        self._pass_on(self._texts)
        self._texts = []

    def _pass_on(self, texts: Sequence[Text]) -> None:
        later = [text for text in texts if text.seq == 0 or text.seq > self._position]
        if later and self._successor is not None:
            self._successor.write(Batch(later))


@attrs.define
class Joining:
    """One join under way. After `catch_up` the reply is due, then `go_live`, with nothing awaited in between."""

    room: Room
    user_id: UserId
    socket: Socket
    turnstile: trio.Semaphore
    """Held while the log is read, never while the socket is waited for."""
    scopes: Scopes | None = None
    """What the token is for by which the socket is signed in; None: for everything."""
    position: Position = attrs.field(init=False)
    resumed: bool = False
    texts: int = 0
    size: int = 0
    """What was written of what was missed, in bytes."""
    _holding: Holding = attrs.field(factory=Holding)

    def __attrs_post_init__(self) -> None:
        self.room.add(self.user_id, self._holding, self.scopes)

    async def catch_up(self, hub: Hub, since: Position | None) -> None:
        """Find the position, and write what was missed since the client's. Raises what the log raises."""
        self.position = await hub.position(self.room.workspace_id, since)
        while since is not None and await self._replay(hub, since, self.position.seq):
            self.resumed = True
            if not self._holding.overflowed:
                return
            self._holding.begin_again()
            since, self.position = self.position, await hub.position(self.room.workspace_id)

    def go_live(self) -> None:
        """The socket takes its place."""
        if self._holding.overflowed:
            self.socket.close(CloseCode.TOO_SLOW, "resume with your cursor")
        self._holding.give_way(self.socket, self.position.seq)
        self.room.replace(self.user_id, self._holding, self.socket)

    def give_up(self) -> None:
        """It failed, or the socket is gone."""
        self.room.remove(self.user_id, self._holding)

    async def _replay(self, hub: Hub, since: Position, upto: int) -> bool:
        """Write the events after `since`; False when they cannot be given completely, and then none was written."""
        workspace_id: WorkspaceId = self.room.workspace_id
        async with self.turnstile:
            resumable = await hub.resumable(workspace_id, since, upto)
        seq = since.seq
        while resumable and seq < upto and not self.socket.close_code:
            async with self.turnstile:
                page, seq = await hub.page(workspace_id, self.user_id, seq, upto)
            for batch in _pieces(self._allowed(page)):
                self.socket.write(batch)
                self.texts += len(batch.texts)
                self.size += batch.size
                await self.socket.drained()
        return resumable

    def _allowed(self, page: Sequence[Envelope]) -> Sequence[Envelope]:
        if self.scopes is None:
            return page
        allowed = {None, *self.scopes}
        return [envelope for envelope in page if scope_for(envelope.type, envelope.audience) in allowed]


def _pieces(page: Sequence[Envelope]) -> Iterator[Batch]:
    texts: list[Text] = []
    size = 0
    for envelope in page:
        texts.append(event_text(envelope))
        size += len(envelope.data)
        if size > PAGE_BYTES:
            yield Batch(texts)
            texts, size = [], 0
    if texts:
        yield Batch(texts)
