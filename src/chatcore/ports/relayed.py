"""A bus over something that relays packets between nodes (Redis, PostgreSQL): all but the line itself.

What is published goes to this node's subscribers at once, and into a bounded queue. Behind that, a session holds a line
open: it sends what has gathered, as few packets as possible, while the last ones are still on their way. A line that
fails, or on which this node no longer hears itself, is closed, and another is opened after a growing delay. What was on
its way is not sent again, because nobody knows whether it arrived, and what is published meanwhile is let go: the event
log has it, and the other nodes look there every few seconds.
"""

import logging
import math
import random
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

import trio

from chatcore.errors import ChatError, ConfigError
from chatcore.ports.background import background
from chatcore.ports.bus import Deliver
from chatcore.ports.envelope import Envelope
from chatcore.ports.packet import BadPacket, pack, unpack
from chatcore.ports.storage import Storage
from chatcore.ports.subscribers import Subscribers

MAX_WAITING = 10_000
"""Envelopes that wait to be sent; beyond it the oldest are let go."""
AT_ONCE = 1_000
"""Envelopes that are sent together."""
PULSE_SECONDS = 2.0
SILENCE_SECONDS = 5.0
"""A node that has not heard itself for so long has no line, whatever the operating system says of it."""
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
STEADY_SECONDS = 30.0
START_SECONDS = 5.0
"""How long a start waits for the first line."""
CLOSE_SECONDS = 1.0
MAX_NODES = 1_000
"""Nodes whose numbers are remembered; every start of a process is a new one."""

Received = Callable[[bytes], None]


class Line(Protocol):
    """An open connection to what relays. It calls `received` (see `OpenLine`) with every packet, its own ones too."""

    async def send(self, packets: Sequence[bytes]) -> None:
        """Hand over packets, in order; returns when they are on their way. May raise anything: then the line is lost.

        At most one call is under way at a time.
        """
        ...


OpenLine = Callable[[Received], AbstractAsyncContextManager[Line]]
"""Open a line: when it is entered, whatever is sent from then on is received, in the Trio thread, in order. While it
is open it may cancel its body by raising anything. Raises ConfigError for what another attempt would not mend."""


class Silence(Exception):
    """Nothing comes back on this line."""


class RelayedBus:
    """A `chatcore.ports.Bus`; see the module. `run` must be running: use `relaying`."""

    def __init__(self, name: str, open_line: OpenLine, *, storage: Storage | None, largest: int) -> None:
        self.node = uuid4().hex
        self.refusal: ConfigError | None = None
        self.tried = trio.Event()
        """Set when the first attempt to open a line has succeeded or failed."""
        self._log = logging.getLogger(f"chatcore.bus.{name}")
        self._open_line = open_line
        self._storage = storage
        self._largest = largest
        self._subscribers = Subscribers(self._log)
        self._waiting: deque[Envelope] = deque()
        self._news = trio.Event()
        self._sent = trio.Event()
        self._number = 1
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._references: deque[Envelope] = deque()
        self._referred = trio.Event()
        self.connected = False
        """Whether there is a line now; `dropped` envelopes and `missed` packets were lost so far."""
        self._ever = False
        self._heard = 0.0
        self._echoed = -math.inf
        self._pulse_due = self._sending = False
        self.dropped = self.missed = 0

    # --- the port --------------------------------------------------------------------------------------------------

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand envelopes to every subscriber, this node's own before it returns."""
        envelopes = tuple(envelopes)
        if self.connected:
            self._waiting.extend(envelopes)
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._news.set()
        else:
            self.dropped += len(envelopes)
        self._subscribers.deliver(envelopes)

    def subscribe(self, deliver: Deliver) -> AbstractContextManager[None]:
        """While the context is open, call `deliver` with what is published."""
        return self._subscribers.subscribe(deliver)

    async def health(self) -> dict[str, Any]:
        """Whether the other nodes can be reached, and what was lost on the way. `echo`: seconds since something that
        this node sent came back to it, as it comes to the others.

        A node that has lost its line is still well: it finds in the log, a little later, what it was not told.
        """
        return {
            "ok": self._ever,
            "connected": self.connected,
            "echo": trio.current_time() - self._echoed,
            "waiting": len(self._waiting),
            "dropped": self.dropped,
            "missed": self.missed,
        }

    # --- the line --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a line open, until cancelled."""
        delay = FIRST_DELAY
        while True:
            began = trio.current_time()
            try:
                await self._session()
            except* Exception as group:
                # Of libraries that fail while they are cancelled, only the failure ends here.
                self._lost(group)
            finally:
                self.connected = self._sending = False
                self.dropped += len(self._waiting)
                self._waiting.clear()
                self._wake_flush()
            if trio.current_time() - began >= STEADY_SECONDS:
                delay = FIRST_DELAY
            await trio.sleep(delay * random.uniform(0.5, 1))
            delay = min(2 * delay, LONGEST_DELAY)

    async def _session(self) -> None:
        async with self._open_line(self._received) as line, trio.open_nursery() as nursery:
            if self._ever:
                self._log.info("the bus is back")
            self.connected = self._ever = True
            self._heard = trio.current_time()
            self.tried.set()
            nursery.start_soon(self._pulse)
            nursery.start_soon(self._look_up)
            await self._send(line)

    def _lost(self, error: BaseException) -> None:
        reason = _innermost(error)
        if isinstance(reason, ConfigError):
            self.refusal = reason
        if self.connected or not self.tried.is_set():
            self._log.warning(
                "the bus is away, events reach the other nodes some seconds late: %s",
                str(reason) or type(reason).__name__,
            )
        self.tried.set()

    async def _send(self, line: Line) -> None:
        while True:
            await self._news.wait()
            self._news = trio.Event()
            while self._waiting or self._pulse_due:
                self._pulse_due = False
                batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                packets = pack(self.node, self._number, batch, self._largest)
                self._number += len(packets)
                self._sending = True
                await line.send(packets)
            self._sending = False
            self._wake_flush()

    async def _pulse(self) -> None:
        while True:
            self._pulse_due = True
            self._news.set()
            await trio.sleep(PULSE_SECONDS)
            if trio.current_time() - self._heard > SILENCE_SECONDS:
                raise Silence(f"nothing came back for {SILENCE_SECONDS:g} seconds")

    def _wake_flush(self) -> None:
        self._sent.set()
        self._sent = trio.Event()

    async def flush(self) -> None:
        """Wait until what was published is on its way, or the line is lost."""
        while self.connected and (self._waiting or self._pulse_due or self._sending):
            await self._sent.wait()

    # --- receiving -------------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        try:
            packet = unpack(data)
        except BadPacket as error:
            self._log.error("something that is none of ours is on the bus: %s", error)
            return
        if packet.node == self.node:
            self._heard = self._echoed = trio.current_time()
            return
        if not self._is_next(packet.node, packet.number) or not packet.envelopes:
            return
        whole = [envelope for envelope in packet.envelopes if envelope.data]
        if len(whole) < len(packet.envelopes):
            self._references.extend(envelope for envelope in packet.envelopes if not envelope.data)
            self._referred.set()
        if whole:
            self._subscribers.deliver(whole)

    def _is_next(self, node: str, number: int) -> bool:
        """Whether this packet was not here before; counts those that are missing before it."""
        last = self._numbers.get(node)
        if last is not None:
            if number <= last:
                return False
            self.missed += number - last - 1
        self._numbers[node] = number
        self._numbers.move_to_end(node)
        if len(self._numbers) > MAX_NODES:
            self._numbers.popitem(last=False)
        return True

    async def _look_up(self) -> None:
        """Read from the log what was only referred to. What comes behind it waits in the hub."""
        while True:
            await self._referred.wait()
            self._referred = trio.Event()
            while self._references:
                wanted = self._references.popleft()
                found = await self._read(wanted)
                if found:
                    self._subscribers.deliver(found)

    async def _read(self, wanted: Envelope) -> list[Envelope]:
        if self._storage is None:
            return []
        try:
            page = await self._storage.read(
                lambda tx: tx.events.since(wanted.workspace_id, wanted.seq - 1, limit=1),
            )
        except ChatError as error:
            self._log.warning("an event that was referred to cannot be read now: %s", error.message)
            return []
        return [envelope for envelope in page if envelope.seq == wanted.seq]


@asynccontextmanager
async def relaying(
    name: str, open_line: OpenLine, *, storage: Storage | None, largest: int = 256 * 1024
) -> AsyncIterator[RelayedBus]:
    """A bus that keeps its line open for as long as the context lasts.

    name: in logs. largest: bytes of a packet. Raises ConfigError when the first line is refused for good; one that
    cannot be reached is only waited for, some seconds.
    """
    bus = RelayedBus(name, open_line, storage=storage, largest=largest)
    async with background() as tasks:
        tasks.keep(f"{name} bus", bus.run)
        with trio.move_on_after(START_SECONDS):
            await bus.tried.wait()
        if bus.refusal is not None:
            raise bus.refusal
        try:
            yield bus
        finally:
            # The last words, by which the other nodes learn that this one goes.
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await bus.flush()


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
