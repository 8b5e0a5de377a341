"""From a send on one node to a subscriber on another: durable, 1,000 a second, over each bus."""

import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import trio

from benchmarks.cluster.redis import redis
from benchmarks.errors import NotHere
from benchmarks.figure import AtMost, Figure
from benchmarks.gateway.postgres import cluster, found
from benchmarks.server.process import running
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore import Chat, Config, open_chat, open_migrator
from chatcore.events import MessageReceived
from chatcore.ids import WorkspaceId
from chatcore.model import Channel, User
from chatcore.ports import Envelope

RATE = 1_000
WARM_SECONDS = 2
"""Not counted: connections are made, statements prepared."""
SECRET = "of this benchmark alone, 32 bytes"


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """PostgreSQL, the bus and both nodes share the machine's cores."""
    if found() is None:
        raise NotHere("PostgreSQL is missing: apt-get install postgresql")
    for bus in ("redis", "postgres"):
        async with AsyncExitStack() as stack:
            environ = {
                "DATABASE_URL": await stack.enter_async_context(cluster(setting, None)),
                "CHATCORE_SECRET": SECRET,
                "CHATCORE_BUS": bus,
            }
            if bus == "redis":
                environ["REDIS_URL"] = await stack.enter_async_context(redis(setting))
            whole, between = await _deliver(setting, environ, seconds=setting.choose(15, 3))
        for name, seen in (
            (f"sent here, heard there, {bus}", spread(whole)),
            (f"from node to node, {bus}", spread(between)),
        ):
            yield Figure(f"{name}: p50", seen.p50 * 1000, "ms")
            yield Figure(f"{name}: p99", seen.p99 * 1000, "ms", AtMost(30))


class OwnEar:
    """When this node itself delivered each message, by when it was sent."""

    def __init__(self) -> None:
        self.delivered: dict[int, int] = {}

    def deliver(self, workspace_id: WorkspaceId, envelopes: Sequence[Envelope]) -> None:
        now = time.monotonic_ns()
        for envelope in envelopes:
            event = envelope.event
            if isinstance(event, MessageReceived):
                self.delivered[int(event.message.content)] = now


async def _deliver(setting: Setting, environ: dict[str, str], *, seconds: int) -> tuple[list[float], list[float]]:
    """Seconds from the call of each message to the other node, and from our own delivery to that there."""
    count = RATE * (WARM_SECONDS + seconds)
    config = Config(
        database_url=environ["DATABASE_URL"],
        redis_url=environ.get("REDIS_URL"),
        bus=environ["CHATCORE_BUS"],
        secret=SECRET,
    )
    async with open_migrator(config) as migrator:
        await migrator.up()
    with setting.room() as folder:
        async with open_chat(config=config) as chat:
            speaker = await chat.users.create(email="speaker@example.org", display_name="Speaker")
            workspace = await chat.workspaces.create(name="Town", slug="town", owner=speaker, general=True)
            (general,) = await chat.channels.list(workspace, actor=speaker)
            command = [sys.executable, "-m", "benchmarks.cluster.ear", speaker.id, workspace.id, str(count)]
            path = os.pathsep.join(sys.path)
            async with running(command, folder, {**environ, "PYTHONPATH": path}, core=None, errors=None) as (ear, _):
                assert ear.stdout is not None
                lines = _lines(ear.stdout)
                assert await anext(lines) == b"ready"
                own = OwnEar()
                with chat.hub.attach(own):
                    await _speak(chat, general.channel, speaker, count)
                    with trio.fail_after(30):
                        came = json.loads(await anext(lines))[RATE * WARM_SECONDS :]
    whole = [(there - sent) / 1e9 for sent, there in came]
    return whole, [max(0, there - own.delivered[sent]) / 1e9 for sent, there in came]


async def _speak(chat: Chat, channel: Channel, speaker: User, count: int) -> None:
    """One message at each moment, whether or not those before it are acknowledged."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(count):
            await trio.sleep_until(began + number / RATE)
            nursery.start_soon(_send, chat, channel, speaker)


async def _send(chat: Chat, channel: Channel, speaker: User) -> None:
    await chat.messages.send(channel, author=speaker, content=str(time.monotonic_ns()))


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[bytes]:
    data = b""
    while True:
        while b"\n" not in data:
            piece = await stream.receive_some()
            if not piece:
                raise RuntimeError("the other node ended")
            data += piece
        line, _, data = data.partition(b"\n")
        yield line
