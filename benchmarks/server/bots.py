"""A hundred bots in one process, each in a channel of its own: how soon they answer.

Twenty people speak at fixed moments, each in five of the channels. Bots and people share a core; the server has the
other.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import orjson
import trio

from benchmarks.core.town import make_users, town_config
from benchmarks.cores import staying_on, two_cores
from benchmarks.figure import AtMost, Figure
from benchmarks.server.people import People, Person, people
from benchmarks.server.process import Server, processor_seconds, running, serving
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore import Chat, open_chat
from chatcore.model import ChannelType, User, Workspace

BOTS = 100
PEOPLE = 20
"""A socket may say 50 frames a second: so many people say a thousand."""


@attrs.frozen
class Load:
    """So many messages a second from people, of which every `command_each`th is a command."""

    rate: int
    command_each: int = 1

    @property
    def name(self) -> str:
        if self.command_each == 1:
            return f"{BOTS} bots, {self.rate:,} commands/s"
        return f"{BOTS} bots, {self.rate:,} messages/s, {self.rate // self.command_each:,} of them commands"


LOADS = (Load(250), Load(500), Load(1000, command_each=10), Load(1000))


@attrs.frozen
class Scene:
    """The workspace, the people in their channels, and the tokens of the bots."""

    workspace_id: str
    people: list[Person]
    tokens: list[str]


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """p99 from the moment at which a command was due to hearing the answer, at several rates."""
    core, other = two_cores()
    seconds = setting.choose(10, 2)
    with setting.room() as folder:
        scene = await furnish(folder)
        async with serving(folder, core=core) as server, bots(server, scene, folder, other) as pid:
            with staying_on(other), people(server.host, server.port, scene.workspace_id, scene.people) as speakers:
                speakers.say(BOTS, 2)
                for load in LOADS[:1] if setting.quick else LOADS:
                    for figure in _under(load, speakers, server.pid, pid, seconds):
                        yield figure


def _under(load: Load, speakers: People, server: int, bots: int, seconds: float) -> Iterator[Figure]:
    before = processor_seconds(server), processor_seconds(bots)
    heard = speakers.say(load.rate, seconds, command_each=load.command_each)
    used = processor_seconds(server) - before[0], processor_seconds(bots) - before[1]
    seen, said = spread(heard.took), load.rate * seconds
    yield Figure(f"{load.name}: p50 of the answer", seen.p50 * 1000, "ms")
    yield Figure(f"{load.name}: p99 of the answer", seen.p99 * 1000, "ms", AtMost(100))
    yield Figure(f"{load.name}: without an answer", heard.lost, "", AtMost(0))
    yield Figure(f"{load.name}: processor of the server, each", used[0] / said * 1e6, "µs")
    yield Figure(f"{load.name}: processor of the bots, each", used[1] / said * 1e6, "µs")


async def furnish(folder: Path) -> Scene:
    """One workspace; each bot shares a private channel with one of the people."""
    async with open_chat(config=town_config(folder)) as chat:
        speakers = await make_users(chat, PEOPLE)
        town = await chat.workspaces.create(name="Town", slug="town", owner=speakers[0], general=True)
        for speaker in speakers[1:]:
            await chat.members.add(town, speaker)
        channels: list[list[str]] = [[] for _ in speakers]
        tokens: list[str] = []
        for number in range(BOTS):
            place = number % PEOPLE
            room, token = await _bot(chat, town, speakers[place], number)
            channels[place].append(room)
            tokens.append(token)
        signed_in = [(await chat.sessions.open(speaker)).access_token for speaker in speakers]
        return Scene(town.id, [Person(*each) for each in zip(signed_in, channels, strict=True)], tokens)


async def _bot(chat: Chat, town: Workspace, speaker: User, number: int) -> tuple[str, str]:
    """The id of a channel with a bot and this person, and the bot's token."""
    bot = await chat.users.create(email=f"bot{number}@example.org", display_name=f"bot{number}", is_bot=True)
    await chat.members.add(town, bot)
    room = await chat.channels.create(
        town, name=f"room-{number}", actor=speaker, type=ChannelType.PRIVATE, members=(bot,)
    )
    _, token = await chat.tokens.create(bot, name="benchmark")
    return room.id, token


@asynccontextmanager
async def bots(server: Server, scene: Scene, folder: Path, core: int | None) -> AsyncIterator[int]:
    """All bots, in one process, once every one of them listens; its id."""
    command = [sys.executable, "-m", "benchmarks.server.bot_process", f"http://{server.host}:{server.port}"]
    root = Path(__file__).parents[2]
    with (folder / "bots.err").open("wb") as errors:
        async with running(command, root, {}, core=core, errors=errors.fileno()) as (process, _):
            assert process.stdin is not None
            await process.stdin.send_all(orjson.dumps(scene.tokens) + b"\n")
            with trio.fail_after(60):
                if not await _is_ready(process):
                    raise subprocess.SubprocessError((folder / "bots.err").read_text()[-2000:])
            yield process.pid


async def _is_ready(process: trio.Process) -> bool:
    """Wait for the line that says so; False when the process has ended instead."""
    assert process.stdout is not None
    said = b""
    while said != b"ready\n":
        chunk = await process.stdout.receive_some()
        if not chunk:
            return False
        said += chunk
    return True
