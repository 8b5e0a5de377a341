"""A TCP proxy that can be told to fail: the way between a node and a service, with real sockets at both ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto

import attrs
import trio

CHUNK = 65_536


class Fate(Enum):
    """What becomes of data on its way: it passes; it is lost; or the connection breaks before it passes."""

    PASS = auto()
    LOSE = auto()
    BREAK = auto()


def harmless(data: bytes, inward: bool) -> Fate:
    """Everything passes."""
    return Fate.PASS


@attrs.define(eq=False)
class Proxy:
    """Between whoever connects to `port` and `target`.

    `fate` decides about each piece of data, which may be `inward`, to the target.
    """

    target: int
    fate: Callable[[bytes, bool], Fate] = harmless
    port: int = 0
    _refusing: bool = False
    _flowing: trio.Event = attrs.field(factory=trio.Event)
    _scopes: set[trio.CancelScope] = attrs.field(factory=set)

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._refusing = True
        for scope in tuple(self._scopes):
            scope.cancel()

    def freeze(self) -> None:
        """Let nothing pass any more, and say nothing about it: as when a cable is pulled."""
        self._flowing = trio.Event()

    def mend(self) -> None:
        """Let everything pass again; what was held while it was frozen goes first."""
        self._refusing = False
        self._flowing.set()

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        self._flowing.set()
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._connection, [listener])

    async def _connection(self, near: trio.SocketStream) -> None:
        if self._refusing:
            return
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                async with await trio.open_tcp_stream("127.0.0.1", self.target) as far, trio.open_nursery() as nursery:
                    nursery.start_soon(self._pass, near, far, nursery.cancel_scope, True)
                    nursery.start_soon(self._pass, far, near, nursery.cancel_scope, False)
            except* OSError:
                pass  # nobody is there: the connection is closed
            finally:
                self._scopes.discard(scope)

    async def _pass(
        self, source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope, inward: bool
    ) -> None:
        try:
            while data := await source.receive_some(CHUNK):
                await self._flowing.wait()
                fate = self.fate(data, inward)
                if fate is Fate.BREAK:
                    break
                if fate is Fate.PASS:
                    await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def proxying(target: int) -> AsyncIterator[Proxy]:
    """A proxy that runs while the context is open."""
    proxy = Proxy(target)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.serve)
        yield proxy
        nursery.cancel_scope.cancel()
