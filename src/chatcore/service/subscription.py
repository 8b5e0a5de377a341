"""A program's own ear: the events of one workspace as one user may receive them."""

from collections import deque
from collections.abc import AsyncIterator, Sequence

import trio

from chatcore.errors import PositionLost
from chatcore.events import Event
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Position
from chatcore.ports import Envelope
from chatcore.service.directory import WorkspaceDirectory
from chatcore.service.hub import Hub

MAX_BUFFERED = 1000
"""Events kept for a subscriber that lags; beyond it, it reads the durable ones from the log, at its own pace."""


class Subscription:
    """An async iterator of events, in order, none missed: `async for event in subscription`.

    `position` is where it stands; opening another one with it as `since` goes on from there. A subscriber that is
    slow loses
    ephemeral events only. It ends when the user is no longer a member of the workspace.
    """

    def __init__(self, hub: Hub, facts: WorkspaceDirectory, user_id: UserId, position: Position) -> None:
        self.position = position
        self._hub = hub
        self._facts = facts
        self._user_id = user_id
        self._live: deque[Envelope] = deque()
        self._behind = False
        self._news = trio.Event()

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        """Take events from the hub."""
        if workspace_id != self._facts.workspace_id:
            return
        for envelope in envelopes:
            if not self._facts.may_receive(self._user_id, envelope.audience):
                continue
            if len(self._live) < MAX_BUFFERED and (not self._behind or envelope.seq == 0):
                self._live.append(envelope)
            elif envelope.seq:
                self._behind = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._live:
                envelope = self._live.popleft()
                if envelope.seq > self.position.seq:
                    self._reached(envelope.seq)
                    yield envelope.event
                elif envelope.seq == 0:
                    yield envelope.event
            if self._behind:
                async for event in self._from_log():
                    yield event
                continue
            if self._facts.role(self._user_id) is None:
                return
            self._news = trio.Event()
            await self._news.wait()

    def lag_behind(self) -> None:
        """Read from the log before anything live (used to begin at an older position)."""
        self._behind = True

    async def _from_log(self) -> AsyncIterator[Event]:
        """Everything from here to where the hub stands; what follows is live again."""
        newest = await self._hub.position(self._facts.workspace_id)
        self._behind = False
        pages = await self._hub.replay(self._facts.workspace_id, self._user_id, self.position, newest.seq)
        if pages is None:
            raise PositionLost("This subscriber lagged behind for longer than the event log reaches: read afresh.")
        async for page in pages:
            for envelope in page:
                self._reached(envelope.seq)
                yield envelope.event
        self._reached(newest.seq)

    def _reached(self, seq: int) -> None:
        self.position = Position(epoch=self.position.epoch, seq=max(seq, self.position.seq))
