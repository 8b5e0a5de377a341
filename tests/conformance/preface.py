"""The way into the ASGI lane for clients that know nothing of it: their connection begins with a request over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from tests.chatserver.net.client import Client


async def _pump(source: Any, sink: Any) -> None:
    try:
        while data := await source.receive_some():
            await sink.send_all(data)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # one side is gone; the other will see it, too


async def _relay(port: int, incoming: Any) -> None:
    async with incoming, await trio.open_tcp_stream("127.0.0.1", port) as outgoing:
        status, _, _ = await Client(outgoing).get("/api/health")
        assert status == 200
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, incoming, outgoing)
            await _pump(outgoing, incoming)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def prefaced(port: int) -> AsyncIterator[int]:
    """A port that leads to `port`, after one request of our own on each connection."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, partial(_relay, port), 0, host="127.0.0.1")
        (listener, *_) = await nursery.start(serve)
        yield int(listener.socket.getsockname()[1])
        nursery.cancel_scope.cancel()
