"""Asking another node to do something: a request and its answer over the bus, which may lose either.

So a request is said again until it is answered, and the other one remembers what it answered: it is done once. Who
asks is told with `NodeGone` when the other has ended meanwhile; then it may have been done or not.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from chatcore import errors
from chatcore.errors import ChatError, Internal, Unavailable
from chatcore.ports import Peers

REPEAT_SECONDS = 1.0
LOOK_SECONDS = 0.25
"""How often who waits looks whether the other one is still there."""
PATIENCE_SECONDS = 8.0
MAX_WAITING = 500
"""Requests that wait to be done here."""
AT_ONCE = 50
MAX_REMEMBERED = 1_000
"""Requests whose answers are remembered; each is repeated for some seconds only."""

log = logging.getLogger("chatcore.peers")

Answer = Callable[[str, str, Any], Awaitable[Any]]
"""Given who asks, what for, and the details, all plain JSON; returns the same. May raise ChatError."""
Request = tuple[str, str, str, Any]


class NodeGone(Unavailable):
    """The other node has ended."""

    def __init__(self) -> None:
        super().__init__("The server that carried this huddle is gone: join again.")


@attrs.define(eq=False)
class _Waiting:
    answered: trio.Event = attrs.field(factory=trio.Event)
    value: Any = None
    error: Any = None


class NodeCalls:
    """See the module. `run` must be running."""

    def __init__(self, peers: Peers, topic: str, answer: Answer, is_gone: Callable[[str], bool]) -> None:
        self._peers = peers
        self._topic = topic
        self._answer = answer
        self._is_gone = is_gone
        self._count = 0
        self._waiting: dict[str, _Waiting] = {}
        self._done: OrderedDict[tuple[str, str], Any] = OrderedDict()
        """What was answered to whom; None while it is being done."""
        self._inbox, self._work = trio.open_memory_channel[Request](MAX_WAITING)
        peers.listen(f"{topic}?{peers.node}", self._asked)
        peers.listen(f"{topic}!{peers.node}", self._answered)

    async def ask(self, node: str, operation: str, data: Any, *, patience: float = PATIENCE_SECONDS) -> Any:
        """What the other node answers. Raises what it raises, NodeGone, and Unavailable when it says nothing."""
        self._count += 1
        number, waiting = str(self._count), _Waiting()
        self._waiting[number] = waiting
        try:
            with trio.move_on_after(patience):
                await self._until_answered(node, [number, operation, data], waiting)
        finally:
            del self._waiting[number]
        if waiting.error is not None:
            raise _error_of(waiting.error)
        if not waiting.answered.is_set():
            raise Unavailable("The server that carries this huddle does not answer: try again in some seconds.")
        return waiting.value

    async def _until_answered(self, node: str, request: Any, waiting: _Waiting) -> None:
        again = trio.current_time()
        while not waiting.answered.is_set():
            if self._is_gone(node):
                raise NodeGone
            if again <= trio.current_time():
                self._peers.tell(f"{self._topic}?{node}", request)
                again += REPEAT_SECONDS
            with trio.move_on_after(LOOK_SECONDS):
                await waiting.answered.wait()

    async def run(self) -> None:
        """Do what others ask for, until cancelled."""
        limiter = trio.Semaphore(AT_ONCE)
        async with trio.open_nursery() as nursery:
            async for request in self._work:
                await limiter.acquire()
                nursery.start_soon(self._do, request, limiter)

    def _asked(self, node: str, what: Any) -> None:
        number, operation, data = what
        key = node, number
        if key in self._done:
            if self._done[key] is not None:
                self._tell(node, self._done[key])
            return
        try:
            self._inbox.send_nowait((node, number, operation, data))
        except trio.WouldBlock:
            return  # it asks again
        self._done[key] = None
        while len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)

    async def _do(self, request: Request, limiter: trio.Semaphore) -> None:
        node, number, operation, data = request
        try:
            said = [number, await self._answer(node, operation, data), None]
        except ChatError as error:
            said = [number, None, [type(error).__name__, error.message, error.details]]
        except Exception:
            log.exception("what another node asked for failed", extra={"operation": operation})
            said = [number, None, [Internal.__name__, "Something broke on our side; the log says what.", {}]]
        finally:
            limiter.release()
        self._done[node, number] = said
        self._tell(node, said)

    def _tell(self, node: str, said: Any) -> None:
        self._peers.tell(f"{self._topic}!{node}", said)

    def _answered(self, node: str, what: Any) -> None:
        number, value, error = what
        waiting = self._waiting.get(number)
        if waiting is not None:
            waiting.value, waiting.error = value, error
            waiting.answered.set()


def _error_of(said: Any) -> ChatError:
    name, message, details = said
    cls = getattr(errors, name, None)
    if isinstance(cls, type) and issubclass(cls, ChatError) and "__init__" not in vars(cls):
        return cls(message, details)
    return Internal(message)
