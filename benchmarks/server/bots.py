"""A hundred bots in one process, each in a channel of its own: how soon they answer.

Somebody says so many commands a second, spread over all channels. Bots and the one who measures share a core; the
server has the other.
"""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

import attrs
import orjson
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from benchmarks.core.town import town_config
from benchmarks.cores import two_cores
from benchmarks.figure import AtMost, Figure
from benchmarks.server.process import Server, running, serving
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore import open_chat
from chatcore.model import ChannelType

BOTS = 100
RATES = (250, 500, 1000)
"""Commands a second, all channels together."""
PATIENCE = 20.0
"""Seconds for the last answers."""
_ANSWER = re.compile(r'"content":"answer ([0-9]+)"')


@attrs.frozen
class Scene:
    """The channels, each with the speaker and one bot; the tokens of the bots, and of the speaker."""

    workspace_id: str
    channels: list[str]
    tokens: list[str]
    speaker: str


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """p99 from sending a command to hearing the answer, at several rates."""
    core, other = two_cores()
    seconds = setting.choose(10, 2)
    with setting.room() as folder:
        scene = await furnish(folder)
        async with serving(folder, core=core) as server, bots(server, scene, folder, other):
            for rate in RATES[:1] if setting.quick else RATES:
                took, lost = await answers(server, scene, rate, seconds)
                name = f"{BOTS} bots, {rate:,} commands/s"
                seen = spread(took)
                yield Figure(f"{name}: p50 of the answer", seen.p50 * 1000, "ms")
                yield Figure(f"{name}: p99 of the answer", seen.p99 * 1000, "ms", AtMost(100))
                yield Figure(f"{name}: without an answer", lost, "", AtMost(0))


async def furnish(folder: Path) -> Scene:
    """One workspace; each bot shares a private channel with the speaker."""
    async with open_chat(config=town_config(folder)) as chat:
        speaker = await chat.users.create(email="speaker@example.org", display_name="Speaker", is_bot=False)
        town = await chat.workspaces.create(name="Town", slug="town", owner=speaker, general=True)
        channels, tokens = list[str](), list[str]()
        for number in range(BOTS):
            bot = await chat.users.create(email=f"bot{number}@example.org", display_name=f"bot{number}", is_bot=True)
            await chat.members.add(town, bot)
            room = await chat.channels.create(
                town, name=f"room-{number}", actor=speaker, type=ChannelType.PRIVATE, members=(bot,)
            )
            _, token = await chat.tokens.create(bot, name="benchmark")
            channels.append(room.id)
            tokens.append(token)
        return Scene(town.id, channels, tokens, (await chat.sessions.open(speaker)).access_token)


@asynccontextmanager
async def bots(server: Server, scene: Scene, folder: Path, core: int | None) -> AsyncIterator[None]:
    """All bots, in one process, once every one of them listens."""
    command = [sys.executable, "-m", "benchmarks.server.bot_process", f"http://{server.host}:{server.port}"]
    root = Path(__file__).parents[2]
    with (folder / "bots.err").open("wb") as errors:
        async with running(command, root, {}, core=core, errors=errors.fileno()) as (process, _):
            assert process.stdin is not None
            assert process.stdout is not None
            await process.stdin.send_all(orjson.dumps(scene.tokens) + b"\n")
            with trio.fail_after(60):
                if await process.stdout.receive_some() != b"ready\n":
                    raise subprocess.SubprocessError((folder / "bots.err").read_text()[-2000:])
            yield


async def answers(server: Server, scene: Scene, rate: int, seconds: float) -> tuple[list[float], int]:
    """How long each answer took, in seconds, and how many commands had none in the end."""
    sent: dict[int, float] = {}
    took: list[float] = []
    count = int(rate * seconds)
    done = trio.Event()

    async def listen(socket: WebSocketConnection) -> None:
        while len(took) < count:
            found = _ANSWER.search(str(await socket.get_message()))
            began = None if found is None else sent.get(int(found[1]))
            if began is not None:
                took.append(perf_counter() - began)
        done.set()

    async with (
        open_websocket_url(
            f"ws://{server.host}:{server.port}/api/realtime",
            extra_headers=[(b"authorization", f"Bearer {scene.speaker}".encode())],
        ) as socket,
        trio.open_nursery() as nursery,
    ):
        join = {"type": "join_workspace", "id": "join", "data": {"workspaceId": scene.workspace_id}}
        await socket.send_message(orjson.dumps(join).decode())
        while '"id":"join"' not in str(await socket.get_message()):
            pass
        nursery.start_soon(partial(listen, socket))
        began = perf_counter()
        for place in range(count):
            # Late answers of another rate are none of this one.
            number = rate * 1_000_000 + place
            early = began + place / rate - perf_counter()
            if early > 0:
                await trio.sleep(early)
            data = {"channelId": scene.channels[number % BOTS], "content": f"!say {number}"}
            sent[number] = perf_counter()
            await socket.send_message(orjson.dumps({"type": "send_message", "data": data}).decode())
        with trio.move_on_after(PATIENCE):
            await done.wait()
        nursery.cancel_scope.cancel()
    return took, count - len(took)
