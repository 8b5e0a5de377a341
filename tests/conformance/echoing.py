"""A server that says back what it hears: the listener and both lanes as they are, an echo in the gateway's place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import trio
from tests.chatserver.net.conftest import small_app

from chatcore.clock import SystemClock
from chatcore.ports import background
from chatserver.gateway.tally import Tally
from chatserver.net.batch import single
from chatserver.net.server import serve_listeners
from chatserver.net.socket import Socket


class EchoGateway:
    """All that the lanes ask of a gateway."""

    chat = SimpleNamespace(clock=SystemClock())

    def __init__(self) -> None:
        self.tally = Tally()

    async def run(self, task_status: Any) -> None:
        async with background() as tasks:
            task_status.started(tasks)
            await trio.sleep_forever()

    def stop(self) -> None:
        pass

    async def admit(self, request: Any) -> None:
        """Everybody may come in."""

    async def serve(self, socket: Socket, admission: None) -> None:
        while (inbound := await socket.receive()) is not None:
            for text in inbound.texts:
                socket.write(single(text.encode()))
            await socket.drained()


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """The port of a running server."""
    gateway: Any = EchoGateway()
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve_listeners, small_app, gateway, host="127.0.0.1", port=0))
        nursery.cancel_scope.cancel()
