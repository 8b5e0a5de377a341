"""What is hidden and what does not exist take the same time. (That they are the same answer: test_permissions.)"""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import attrs
import orjson
import pytest
import trio
from tests.programme.calls import Request, in_channel, needs_huddle
from tests.programme.inside import Inside, Person, inside
from tests.programme.scenes import Scene, World, make_scene, make_world, path_of
from tests.programme.table import Call, calls_of, read_page

from chatcore.model import HuddleStatus
from chatcore.ports import Tx
from chatserver.gateway.frames import FRAMES

pytestmark = pytest.mark.programme

TOLERANCE = 0.05
ROUNDS = 40
AGAIN = 4
"""How often a difference is looked at anew, each time longer: another program may have taken the caches away."""


@attrs.frozen
class Pair:
    """A request about something hidden, and the same about nothing."""

    call: Call
    hidden: bytes
    nothing: bytes


def encoded(call: Call, request: Request, by: Person) -> bytes:
    """The bytes of a request."""
    method, _, template = call.name.partition(" ")
    path, data = path_of(template, request.path), request.data
    if method == "GET" and data is not None:
        path, data = path + "?" + "&".join(f"{name}={value}" for name, value in data.items()), None
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {by.token}"]
    body = b"" if data is None else orjson.dumps(data)
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


async def pairs(world: World, member: Person) -> list[Pair]:
    """Every endpoint about a channel, its messages or its huddles, asked about a private channel; and those about
    huddles once more, of one that has ended.
    """
    scenes = {
        huddle: await make_scene(world, member, "private, not in it", creator=False, huddle=huddle)
        for huddle in (False, True)
    }
    ended = await make_scene(world, member, "private, not in it", creator=False, huddle=True)
    await _end_huddle(world, ended)
    asked = [(call, scenes[needs_huddle(call)]) for call in _distinct()]
    asked += [(call, ended) for call in _distinct() if ":huddleId" in call.name]
    return [
        Pair(call, encoded(call, request, member), encoded(call, request.of_nothing(), member))
        for call, scene in asked
        for request in [in_channel(call, world, scene, member)]
    ]


async def _end_huddle(world: World, scene: Scene) -> None:
    async def work(tx: Tx) -> None:
        assert scene.huddle_id is not None
        row = await tx.huddles.get(scene.huddle_id)
        assert row is not None
        await tx.huddles.update(attrs.evolve(row, status=HuddleStatus.ENDED, ended_at=row.started_at))

    await world.server.chat.storage.write(work)


def _distinct() -> Iterator[Call]:
    seen: set[str] = set()
    about = (":channelId", ":messageId", ":huddleId")
    for call in calls_of(read_page()):
        if call.name not in seen and call.name not in FRAMES and any(part in call.name for part in about):
            seen.add(call.name)
            yield call


async def work_of(server: Inside, pair: Pair, rounds: int) -> tuple[float, float]:
    """The processor time of the hidden and the other, in seconds: medians of requests that take turns."""
    spent: dict[bytes, list[float]] = {pair.hidden: [], pair.nothing: []}
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        for turn in range(rounds):
            order = (pair.hidden, pair.nothing) if turn % 2 else (pair.nothing, pair.hidden)
            for request in order:
                began = time.process_time()
                status = await _ask(stream, request)
                spent[request].append(time.process_time() - began)
                assert status == 404, f"{pair.call}: {status}"
    return median(spent[pair.hidden]), median(spent[pair.nothing])


async def _ask(stream: trio.SocketStream, request: bytes) -> int:
    await stream.send_all(request)
    answer = bytearray()
    while True:
        piece = await stream.receive_some()
        assert piece, bytes(answer)
        answer += piece
        head, end, body = answer.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
            return int(head.split(b" ")[1])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.own_storage
async def test_the_time_does_not_tell_the_hidden_from_what_is_not_there(tmp_path: Path) -> None:
    async with inside(f"sqlite:///{tmp_path}/chat.db") as server:
        world = await make_world(server)
        member = await server.member(world.team.id, "member")
        left = await pairs(world, member)
        assert len(left) > 15
        for attempt in range(1, AGAIN + 1):
            found = {pair: await work_of(server, pair, ROUNDS * attempt) for pair in left}
            left = [pair for pair, (hidden, nothing) in found.items() if abs(hidden / nothing - 1) > TOLERANCE]
            if not left:
                return
        pytest.fail(", ".join(f"{pair.call}: {found[pair][0] / found[pair][1]:.3f}" for pair in left))
