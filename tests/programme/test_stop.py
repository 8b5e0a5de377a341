"""A server that is told to stop stops, whoever is connected."""

import signal
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.programme.inside import inside
from tests.programme.process import serving

from chatcore import open_chat
from chatserver.app import serve
from chatserver.net import hypercorn_http
from chatserver.net.server import GRACE_SECONDS

pytestmark = pytest.mark.programme


async def test_an_idle_connection_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        assert (await server.http.get(server.url + "/api/health")).is_success  # and the connection is kept
        began = trio.current_time()
        assert await server.stop(signal.SIGTERM) == 0
        assert trio.current_time() - began < GRACE_SECONDS / 2


async def test_an_idle_connection_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_http, "KEEP_ALIVE_SECONDS", 0.2)
    async with inside() as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        for _ in range(2):
            await stream.send_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await stream.receive_some()
            await trio.sleep(0.05)
        with trio.fail_after(5):
            while await stream.receive_some():
                pass


async def test_a_stop_that_comes_at_once_is_a_stop() -> None:
    stop = trio.Event()
    stop.set()
    async with open_chat("memory:") as chat, trio.open_nursery() as nursery:
        with trio.fail_after(5):
            await nursery.start(partial(serve, chat, port=0, stop=stop))
