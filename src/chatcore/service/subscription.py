"""A program's own ear: the events of one workspace as one user may receive them."""

from collections import deque
from collections.abc import AsyncIterator, Sequence

import trio

from chatcore.events import Event
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Position
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatcore.service.hub import Hub

MAX_BUFFERED = 1000
"""Events kept for a subscriber that lags; beyond it, it reads the durable ones from the log, at its own pace."""


class Subscription:
    """An async iterator of events, in order, none missed: `async for event in subscription`, in one task.

    `position` is where it stands; opening another one with it as `since` goes on from there. A subscriber that is slow
    loses ephemeral events only. It ends with the event by which the user is no longer a member of the workspace.
    """

    def __init__(self, hub: Hub, facts: WorkspaceDirectory, user_id: UserId, position: Position) -> None:
        self.position = position
        self._hub = hub
        self._facts = facts
        self._user_id = user_id
        self._live: deque[Envelope] = deque()
        self._behind = False
        self._ended = False
        self._news = trio.Event()
        # While it reads the log: what it has read and not given yet, how far it has read, and how far it has to.
        self._page: deque[Envelope] = deque()
        self._read = self._upto = position.seq

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Take events from the hub."""
        if workspace_id != self._facts.workspace_id or self._ended:
            return
        for envelope in envelopes:
            if self._facts.may_receive(self._user_id, envelope.audience):
                self._take(envelope)
        # The hub cuts its batches before each change of membership: what is true now was true for all of these.
        self._ended = self._facts.role(self._user_id) is None
        self._news.set()

    def _take(self, envelope: Envelope) -> None:
        if len(self._live) < MAX_BUFFERED and (envelope.seq == 0 or not self._behind):
            self._live.append(envelope)
        elif envelope.seq:
            self._behind = True

    def lag_behind(self) -> None:
        """Read from the log before anything live (used to begin at an older position)."""
        self._behind = True

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        """The next event. Raises PositionLost when this subscriber lagged for longer than the event log reaches."""
        await trio.lowlevel.checkpoint()
        while True:
            while (envelope := self._due()) is not None:
                if envelope.seq == 0 or envelope.seq > self.position.seq:
                    self._reached(envelope.seq)
                    return envelope.event
            if self._read < self._upto:
                await self._read_page()
            elif self._behind:
                await self._turn_to_log()
            elif self._ended:
                raise StopAsyncIteration
            else:
                self._news = trio.Event()
                await self._news.wait()

    def _due(self) -> Envelope | None:
        """What is next and at hand: live events wait until the log is read."""
        if self._page:
            return self._page.popleft()
        self._reached(self._read)
        return self._live.popleft() if self._live and self._read == self._upto else None

    async def _turn_to_log(self) -> None:
        """Read everything from here to where the hub stands; what follows is live again."""
        newest = await self._hub.position(self._facts.workspace_id)
        self._behind = False
        self._read, self._upto = self.position.seq, max(newest.seq, self.position.seq)

    async def _read_page(self) -> None:
        page, self._read = await self._hub.page(self._facts.workspace_id, self._user_id, self._read, self._upto)
        self._page.extend(page)

    def _reached(self, seq: int) -> None:
        if seq > self.position.seq:
            self.position = Position(epoch=self.position.epoch, seq=seq)
