"""A relay of packets in memory: several nodes in one process, and every fault that a network has."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs
import trio

from chatcore.ports import Bus, Storage, relaying
from chatcore.ports.relayed import Line, Received

LATENCY = 0.001
"""Seconds that a packet takes."""


@attrs.define(eq=False)
class Exchange:
    """`loss` and `doubling` are the parts of the packets that get lost, or come twice, on their way to one node."""

    loss: float = 0.0
    doubling: float = 0.0
    chance: random.Random = attrs.field(factory=lambda: random.Random(1))
    _lines: dict[str, "_Line"] = attrs.field(factory=dict)
    _cut: set[str] = attrs.field(factory=set)
    _frozen: set[str] = attrs.field(factory=set)

    def node(self, name: str, storage: Storage | None = None) -> AbstractAsyncContextManager[Bus]:
        """The bus of a node."""
        return relaying("exchange", lambda received: self._open(name, received), storage=storage)

    def cut(self, name: str) -> None:
        """Break the node's line, and refuse it another."""
        self._cut.add(name)
        self._break(name)

    def freeze(self, name: str) -> None:
        """Let nothing pass to and from the node, and say nothing about it."""
        self._frozen.add(name)

    def mend(self, name: str) -> None:
        """Let everything pass again; what was sent meanwhile is lost."""
        self._cut.discard(name)
        self._frozen.discard(name)

    async def restart(self) -> None:
        """Break every line."""
        for name in tuple(self._lines):
            self._break(name)
        await trio.lowlevel.checkpoint()

    def relay(self, sender: str, packets: Sequence[bytes]) -> None:
        """Pass packets on to every node, the sender too."""
        if sender in self._frozen:
            return
        for name, line in self._lines.items():
            if name not in self._frozen:
                line.put(packets)

    def _break(self, name: str) -> None:
        line = self._lines.pop(name, None)
        if line is not None:
            line.broken = True
            line.news.set()

    @asynccontextmanager
    async def _open(self, name: str, received: Received) -> AsyncIterator[Line]:
        await trio.sleep(LATENCY)
        if name in self._cut:
            raise ConnectionRefusedError(f"{name} is cut off")
        line = self._lines[name] = _Line(self, name, received)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.run)
            try:
                yield line
            finally:
                if self._lines.get(name) is line:
                    del self._lines[name]
            nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class _Line:
    exchange: Exchange
    name: str
    received: Received
    broken: bool = False
    news: trio.Event = attrs.field(factory=trio.Event)
    _waiting: list[bytes] = attrs.field(factory=list)

    async def send(self, packets: Sequence[bytes]) -> None:
        await trio.sleep(LATENCY)
        if self.broken:
            raise ConnectionResetError(f"the line of {self.name} broke")
        self.exchange.relay(self.name, packets)

    def put(self, packets: Sequence[bytes]) -> None:
        exchange = self.exchange
        for packet in packets:
            if exchange.chance.random() >= exchange.loss:
                self._waiting += [packet] * (2 if exchange.chance.random() < exchange.doubling else 1)
        self.news.set()

    async def run(self) -> None:
        while not self.broken:
            await self.news.wait()
            self.news = trio.Event()
            waiting, self._waiting = self._waiting, []
            for packet in waiting:
                self.received(packet)
        raise ConnectionResetError(f"the line of {self.name} broke")
