"""The frames of one link that are to be sent, or wait for their reply: in order, bounded, through reconnections."""

from collections import deque
from itertools import count
from typing import Any

import attrs
import trio

from chatcore.client.request import Request
from chatcore.errors import ChatError, Unavailable

WINDOW = 100
"""Frames without a reply on one connection: the server takes 300 at once, and carries out 64."""
MAX_URGENT = 64
"""Frames that go first and are not worth a retry."""
MAX_WAITING = 1000
"""Requests at a time; more wait for their turn."""
CALM_FRAMES = 40.0
"""Frames a second, once the server has said that it was too much: it takes 50."""

_BROKEN = "The connection broke before the answer came: whether it was done is not known."


@attrs.define(eq=False)
class Outbox:
    """`next` is called by the one task that writes."""

    _urgent: deque[str] = attrs.field(factory=deque)
    _unsent: deque[Request] = attrs.field(factory=deque)
    _unanswered: dict[str, Request] = attrs.field(factory=dict)
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1))
    _room: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(MAX_WAITING))
    _news: trio.Event = attrs.field(factory=trio.Event)
    _failure: ChatError | None = None
    _calm: bool = False

    async def ask(self, type_: str, data: dict[str, Any], *, again: bool) -> dict[str, Any]:
        """Send a frame and wait for its reply. Raises ChatError."""
        async with self._room:
            request = Request.of(str(next(self._numbers)), type_, data, again)
            if self._failure is not None:
                raise self._failure
            self._unsent.append(request)
            self._news.set()
            try:
                await request.done.wait()
            finally:
                self._forget(request)
            if request.failure is not None:
                raise request.failure
            return request.data or {}

    def urge(self, text: str) -> None:
        """Send this before everything else, on this connection or never."""
        if len(self._urgent) < MAX_URGENT:
            self._urgent.append(text)
            self._news.set()

    def reopen(self) -> None:
        """A connection begins: what has no answer goes first, in its old order."""
        self._urgent.clear()
        waiting = [request for request in self._unanswered.values() if not request.done.is_set()]
        self._unanswered.clear()
        for request in reversed(waiting):
            if request.sent and not request.again:
                request.failed(Unavailable(_BROKEN))
            else:
                self._unsent.appendleft(request)

    async def next(self) -> str:
        """The next frame that may be sent now."""
        if self._calm:
            await trio.sleep(1 / CALM_FRAMES)
        while not self._urgent and (not self._unsent or len(self._unanswered) >= WINDOW):
            self._news = trio.Event()
            await self._news.wait()
        if self._urgent:
            return self._urgent.popleft()
        request = self._unsent.popleft()
        request.sent = True
        self._unanswered[request.id] = request
        return request.text

    def answered(self, frame: dict[str, Any]) -> None:
        """A reply came."""
        request = self._unanswered.pop(str(frame.get("id")), None)
        if request is not None:
            request.answered(frame)
        if self._unsent:  # there may be room in the window now
            self._news.set()

    def calm_down(self) -> None:
        """The server said that it was too much."""
        self._calm = True

    def fail(self, failure: ChatError) -> None:
        """Nothing will be answered any more."""
        self._failure = failure
        for request in (*self._unanswered.values(), *self._unsent):
            request.failed(failure)

    def _forget(self, request: Request) -> None:
        """Whoever asked has an answer, or wants none any more."""
        if not request.sent and request in self._unsent:
            self._unsent.remove(request)
        # What was sent keeps its place in the window until its reply comes.
        elif not request.done.is_set():
            request.done.set()
