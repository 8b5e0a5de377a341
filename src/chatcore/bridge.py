"""The bridge: an asyncio loop in a thread of its own, and calls to it from Trio.

    async with open_bridge("chatcore-postgres") as bridge:
        rows = await bridge.run(connection.fetch, "SELECT …")

asyncpg and aiortc are asyncio libraries. Running them inside Trio's loop (trio-asyncio) costs two thirds of their
speed; in a thread of their own, on uvloop where it is installed, they lose little. What is carried across:

* results and exceptions, as they are;
* cancellation there: a caller that is cancelled cancels its task, and waits for what becomes of it. A task that
  finishes all the same gives its result, so that nobody is left in doubt;
* cancellation back: a task that was cancelled on its own side raises BridgeError in its caller;
* plain calls back (`call_soon`), in order with the results: what a task calls so has happened before its caller
  resumes.

Waking the other thread is what costs (the interpreter lock changes hands), so everything that is ready goes over in
one go. At most `max_calls` are under way; more wait for a place, in Trio.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

import attrs
import trio
from outcome import Error, Outcome, Value, capture

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

MAX_CALLS = 1000
CLOSE_SECONDS = 10.0
"""How long tasks may take to end once they are cancelled; then their thread is left to itself."""

log = logging.getLogger("chatcore.bridge")


class BridgeError(Exception):
    """The call has no outcome: the bridge is closed, or its task was cancelled on the other side."""


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where it is installed, else one of asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@asynccontextmanager
async def open_bridge(
    name: str, *, max_calls: int = MAX_CALLS, loop_factory: LoopFactory = new_loop
) -> AsyncIterator["Bridge"]:
    """A loop in a thread of this name, for as long as the context is open.

    When it closes, whatever still runs there is cancelled and waited for, and the thread ends.
    """
    bridge = Bridge(name, max_calls)
    await bridge._open(loop_factory)
    try:
        yield bridge
    finally:
        await bridge._close()


@attrs.define(eq=False)
class _Call:
    """A call and the Trio task that waits for it. `raise_cancel` is set once that task is cancelled."""

    work: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...]
    caller: trio.lowlevel.Task
    task: asyncio.Task[Any] | None = None
    raise_cancel: Callable[[], NoReturn] | None = None


class Bridge:
    """Made by `open_bridge`. `run` and `signal` are for the Trio thread, `call_soon` for the other one."""

    def __init__(self, name: str, max_calls: int) -> None:
        self._name = name
        self._places = trio.Semaphore(max_calls)
        self._token = trio.lowlevel.current_trio_token()
        self._calls: set[_Call] = set()
        self._closed = False
        # To the loop: calls to begin, and those to cancel. To Trio: functions to call there. Each flag says that the
        # other side was woken and has not looked yet: it is taken down before looking, so nothing is ever left lying.
        self._inbox: deque[Callable[[], None]] = deque()
        self._loop_woken = False
        self._outbox: deque[Callable[[], None]] = deque()
        self._flush_planned = False
        self._trio_woken = False

    async def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await `work(*args)` on the loop. Raises what it raises, and BridgeError."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            await self._places.acquire()
        try:
            if self._closed:
                raise BridgeError(f"{self._name} is closed")
            call = _Call(work, args, trio.lowlevel.current_task())
            self._tell_loop(partial(self._begin, call))
            self._calls.add(call)
            result: T = await trio.lowlevel.wait_task_rescheduled(partial(self._abort, call))
            return result
        finally:
            self._places.release()

    def signal(self, function: Callable[..., None], *args: Any) -> None:
        """Have a function called on the loop, and do not wait for it. What it raises is the loop's to report.

        Raises BridgeError.
        """
        if self._closed:
            raise BridgeError(f"{self._name} is closed")
        self._tell_loop(partial(function, *args))

    def call_soon(self, function: Callable[..., None], *args: Any) -> None:
        """Have a function called in the Trio thread; to be called on the loop. What it raises is logged."""
        self._tell_trio(partial(self._call, partial(function, *args)))

    # --- in the Trio thread ------------------------------------------------------------------------------------------

    async def _open(self, loop_factory: LoopFactory) -> None:
        started = trio.Event()
        failed: list[BaseException] = []

        def main() -> None:
            try:
                with asyncio.Runner(loop_factory=loop_factory) as runner:
                    self._loop = runner.get_loop()
                    self._stop = self._loop.create_future()
                    runner.run(self._serve(started))
            except BaseException as error:  # whatever it is, it is for those who wait, not for the thread
                failed.append(error)
                log.error("the loop of %s broke", self._name, exc_info=error)
            self._end()
            self._wake_trio(started.set)

        self._thread = threading.Thread(target=main, name=self._name, daemon=True)
        self._thread.start()
        with trio.CancelScope(shield=True):
            await started.wait()
        if failed:
            await self._join()
            raise failed[0]

    async def _close(self) -> None:
        self._closed = True
        with suppress(BridgeError):
            self._tell_loop(self._finish)
        await self._join()
        self._give_up()

    async def _join(self) -> None:
        limiter = trio.CapacityLimiter(1)
        with trio.CancelScope(shield=True):
            # By the clock of the machine, not Trio's: with one that jumps in tests no time would pass at all.
            await trio.to_thread.run_sync(self._thread.join, CLOSE_SECONDS, limiter=limiter)
        if self._thread.is_alive():
            log.error("%s did not end in %g s: something on its loop blocks it", self._name, CLOSE_SECONDS)

    def _abort(self, call: _Call, raise_cancel: Callable[[], NoReturn]) -> trio.lowlevel.Abort:
        call.raise_cancel = raise_cancel
        with suppress(BridgeError):  # an ended loop has cancelled everything, and its last word is on the way
            self._tell_loop(partial(_cancel, call))
        return trio.lowlevel.Abort.FAILED

    def _tell_loop(self, message: Callable[[], None]) -> None:
        """Raises BridgeError when the loop has ended."""
        self._inbox.append(message)
        if not self._loop_woken:
            self._loop_woken = True
            try:
                self._loop.call_soon_threadsafe(self._look)
            except RuntimeError as error:
                raise BridgeError(f"the loop of {self._name} has ended") from error

    def _deliver(self) -> None:
        self._trio_woken = False
        while self._outbox:
            self._outbox.popleft()()

    def _call(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:
            log.exception("what %s called failed", self._name)

    def _return(self, call: _Call, outcome: Outcome[Any] | None) -> None:
        """Resume the caller; without an outcome the task was cancelled."""
        if call not in self._calls:
            return
        self._calls.discard(call)
        if outcome is None and call.raise_cancel is not None:
            outcome = capture(call.raise_cancel)
        elif outcome is None:
            outcome = Error(BridgeError(f"the call was cancelled by {self._name}"))
        trio.lowlevel.reschedule(call.caller, outcome)

    def _give_up(self) -> None:
        """Resume whoever still waits: there is nobody left to answer."""
        self._closed = True
        for call in list(self._calls):
            self._return(call, None)

    # --- in the thread of the loop -----------------------------------------------------------------------------------

    async def _serve(self, started: trio.Event) -> None:
        self._wake_trio(started.set)
        await self._stop

    def _look(self) -> None:
        self._loop_woken = False
        while self._inbox:
            self._inbox.popleft()()

    def _begin(self, call: _Call) -> None:
        call.task = self._loop.create_task(_await(call.work, call.args))
        call.task.add_done_callback(partial(self._done, call))

    def _done(self, call: _Call, task: asyncio.Task[Any]) -> None:
        outcome: Outcome[Any] | None = None
        if not task.cancelled():
            error = task.exception()
            outcome = Value(task.result()) if error is None else Error(error)
        self._tell_trio(partial(self._return, call, outcome))

    def _tell_trio(self, message: Callable[[], None]) -> None:
        self._outbox.append(message)
        if not self._flush_planned:
            self._flush_planned = True
            # Not at once: what else is ready in this round goes along. Waking Trio in the middle of it would only make
            # the two threads wait for each other's lock.
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._outbox and not self._trio_woken:
            self._trio_woken = True
            self._wake_trio(self._deliver)

    def _wake_trio(self, function: Callable[[], None]) -> None:
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            log.warning("the program ended before it heard from %s", self._name)

    def _finish(self) -> None:
        if not self._stop.done():
            self._stop.set_result(None)

    def _end(self) -> None:
        """The loop is closed: every task of it has ended. Whoever called too late is told."""
        self._trio_woken = False
        self._outbox.append(self._give_up)
        self._flush()


async def _await(work: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    return await work(*args)


def _cancel(call: _Call) -> None:
    if call.task is not None:
        call.task.cancel()
