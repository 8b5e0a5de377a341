"""A hundred members stop reading: what the others notice of it, what it weighs, and how long it lasts."""

import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import ExitStack

import trio

from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.loader import loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Stage
from benchmarks.server.process import resident_kb
from benchmarks.setting import Setting

READERS, STALLED, SENDERS, RATE = 100, 100, 10, 500
_RECEIVE_BUFFER = 4096
_PATIENCE = 30.0


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """The same flow to the same 200 members, of whom 100 read or stall, in one run: that ratio counts.

    A room of 100 alone is shown beside it: it has half of the writes to do, whoever the others are.
    """
    async with ours(setting, READERS + STALLED) as stage:
        async with loading(setting, stage) as load:
            await load.open(READERS + STALLED)
            await load.flow(SENDERS, RATE, 1)
            await load.quiet()
            reading = await load.flow(SENDERS, RATE, setting.choose(10, 4))
        yield Figure(f"{READERS + STALLED} readers, {RATE} msg/s: p99", reading["p99"], "ms")
        async for figure in _beside(setting, stage, reading["p99"]):
            yield figure


async def _beside(setting: Setting, stage: Stage, reading: float) -> AsyncIterator[Figure]:
    async with loading(setting, stage) as load:
        await load.open(READERS)
        await load.flow(SENDERS, RATE, 1)
        await load.quiet()
        alone = await load.flow(SENDERS, RATE, setting.choose(10, 4))
        await load.quiet()
        sockets, size = _sockets(stage.pid), resident_kb(stage.pid)
        with ExitStack() as stack:
            for token in stage.tokens.read_text().split()[READERS:]:
                stack.enter_context(await trio.to_thread.run_sync(_stalled, stage, token))
            began = trio.current_time()
            with_them = await load.flow(SENDERS, RATE, setting.choose(10, 4))
            grown = resident_kb(stage.pid) - size
            with trio.fail_after(_PATIENCE):
                while _sockets(stage.pid) > sockets:  # noqa: ASYNC110  # another process has no event to wait for
                    await trio.sleep(0.1)
            lasted = trio.current_time() - began
    about = f"{READERS} readers, {RATE} msg/s"
    yield Figure(f"{about}: p99 alone", alone["p99"], "ms")
    yield Figure(f"{about}: p99 beside {STALLED} that stall", with_them["p99"], "ms")
    ratio = with_them["p99"] / reading
    yield Figure(f"{STALLED} who stall ÷ {STALLED} more who read, p99 of the others", ratio, "×", AtMost(1.2))
    yield Figure(f"{STALLED} stalled readers: growth", grown / STALLED, "KiB each", AtMost(1024))
    # They stall a moment after the flow begins, once the kernel takes no more for them.
    yield Figure(f"{STALLED} stalled readers: all closed after", lasted, "s", AtMost(12))


def _stalled(stage: Stage, token: str) -> socket.socket:
    """A member who is live in the workspace and reads no more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    connection.settimeout(_PATIENCE)
    connection.connect(("127.0.0.1", stage.port))
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /api/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    join = {"type": "join_workspace", "id": "join", "data": {"workspaceId": stage.workspace_id}}
    text = json.dumps(join).encode()
    # A short text, whose length fits into one byte; a mask of zeroes leaves it as it is.
    connection.sendall(head.encode() + struct.pack("!BB4x", 0x81, 0x80 | len(text)) + text)
    heard = b""
    while b'"id":"join"' not in heard:
        data = connection.recv(_RECEIVE_BUFFER)
        if not data:
            raise RuntimeError(f"the server let nobody in: {heard[:200]!r}")
        heard += data
    return connection


def _sockets(pid: int) -> int:
    return sum(os.readlink(entry.path).startswith("socket:") for entry in os.scandir(f"/proc/{pid}/fd"))
