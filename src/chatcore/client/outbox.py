"""The frames of one link that are to be sent, or wait for their reply: in order, bounded, through reconnections."""

import math
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

_LATE = "The connection was away for too long: whether it was done is not known."
_BROKEN = "The connection broke before the answer came: whether it was done is not known."


@attrs.define(eq=False)
class Outbox:
    """`due` is called by the one task that writes."""

    _urgent: deque[bytes] = attrs.field(factory=deque)
    _unsent: deque[Request] = attrs.field(factory=deque)
    _unanswered: dict[str, Request] = attrs.field(factory=dict)
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1))
    _room: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(MAX_WAITING))
    _news: trio.Event = attrs.field(factory=trio.Event)
    _failure: ChatError | None = None
    _calm: bool = False

    async def ask(self, type_: str, data: dict[str, Any], *, again: bool, until: float = math.inf) -> dict[str, Any]:
        """Send a frame and wait for its reply; on another connection if `again`, before `until`. Raises ChatError."""
        try:
            # Waiting for the reply is a turn of the scheduler already: none is spent here where there is room.
            self._room.acquire_nowait()
        except trio.WouldBlock:
            await self._room.acquire()
        try:
            return await self._ask(Request.of(str(next(self._numbers)), type_, data, again, until))
        finally:
            self._room.release()

    async def _ask(self, request: Request) -> dict[str, Any]:
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

    def urge(self, text: bytes) -> None:
        """Send this before everything else, on this connection or never."""
        if len(self._urgent) < MAX_URGENT:
            self._urgent.append(text)
            self._news.set()

    def expire(self, now: float) -> None:
        """Without a connection: give up what was to be tried until now."""
        for request in (*self._unanswered.values(), *self._unsent):
            if request.until <= now and not request.done.is_set():
                request.failed(Unavailable(_LATE))

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

    async def due(self) -> list[bytes]:
        """The frames that may be sent now, in one go, once there is one."""
        if self._calm:
            await trio.sleep(1 / CALM_FRAMES)
        while True:
            texts = self._take(1 if self._calm else WINDOW)
            if texts:
                return texts
            self._news = trio.Event()
            await self._news.wait()

    def _take(self, most: int) -> list[bytes]:
        texts: list[bytes] = []
        while self._urgent and len(texts) < most:
            texts.append(self._urgent.popleft())
        while self._unsent and len(texts) < most and len(self._unanswered) < WINDOW:
            request = self._unsent.popleft()
            request.sent = True
            self._unanswered[request.id] = request
            texts.append(request.text)
        return texts

    def answered(self, frame: dict[str, Any]) -> None:
        """A reply came."""
        request = self._unanswered.pop(str(frame.get("id")), None)
        if request is not None:
            request.answered(frame)
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
