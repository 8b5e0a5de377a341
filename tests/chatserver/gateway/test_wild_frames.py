"""Fifty thousand generated frames: nothing dies, and nothing is a fault of ours."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from tests.chatserver.gateway.test_frames import EXAMPLES

from chatserver.gateway.frames import FRAMES
from chatserver.gateway.pipeline import ROOM
from chatserver.gateway.protocol import Close, Protocol, Send, SignIn

A = "aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"

STRANGE: list[Callable[[random.Random], Any]] = [
    lambda chance: chance.choice([None, True, False, 0, -1, 1, 1.5, -0.0, 2**53, 2**63, 2**64, -(2**63), 1e308]),
    lambda chance: chance.choice(["", " ", "x", "\x00", "\ud800", "\udfff", "\u202e", "👍" * 20, "é", "\r\n", "null"]),
    lambda chance: "x" * chance.choice([1, 63, 64, 65, 4000, 4001, 60_000]),
    lambda chance: chance.choice([[], {}, [[]], [{}], {"": ""}, {"a": None}, [None] * 100]),
    lambda chance: nested(chance.choice([2, 8, 9, 100, 900])),
    lambda chance: chance.choice([A, A.upper(), A[:-1], A + "0", "-" * 36]),
    lambda chance: float(chance.choice(["nan", "inf", "-inf"])),
    lambda chance: {chance.choice(["type", "id", "data", "x" * 1000, "\ud800"]): 1},
]


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def strange(chance: random.Random) -> Any:
    return chance.choice(STRANGE)(chance)


def a_frame(chance: random.Random) -> str:
    """A frame that is right, or nearly right, or not right at all."""
    type_ = chance.choice(list(FRAMES))
    data: Any = dict(EXAMPLES[type_])
    frame: dict[str, Any] = {"type": type_, "id": "1", "data": data}
    for _ in range(chance.choice([0, 1, 1, 2])):
        what = chance.randrange(6)
        if what < 3:
            data[chance.choice(list(data))] = strange(chance)
        elif what == 3:
            data[chance.choice(["x", "", "Type", "workspace_id"])] = strange(chance)
        elif what == 4:
            frame[chance.choice(["type", "id", "data", "x"])] = strange(chance)
        else:
            data.pop(chance.choice(list(data)))
            break
    text = json.dumps(frame, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.1:
        cut = chance.randrange(len(text) + 1)
        text = chance.choice([text[:cut], text[cut:], text[:cut] + chance.choice('"{}[]\\,:\x00\ud800') + text[cut:]])
    return text


@pytest.mark.parametrize("seed", range(5))
def test_the_protocol_takes_anything(seed: int) -> None:
    chance = random.Random(seed)
    closed = 0
    protocol: Protocol | None = None
    for _ in range(10_000):
        if protocol is None:
            protocol = Protocol(0.0)
            protocol.signed_in(SignIn(A), 0.0)  # type: ignore[arg-type]
        for action in protocol.text(a_frame(chance)):
            if isinstance(action, Send):
                assert json.loads(action.payload)["error"]["code"] == "VALIDATION_FAILED"
            elif isinstance(action, Close):
                assert action.code == 4400
                protocol, closed = None, closed + 1
        while protocol is not None and (turn := protocol.begin()) is not None:
            protocol.done(turn, b"{}")
    assert closed > 50


@pytest.mark.slow
async def test_the_services_behind_it_take_anything(edge: Any, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    socket = await edge.join(edge.team.ada)
    sent = 0
    while sent < 5_000:
        if socket.close_code:
            assert socket.close_code in (4400,), socket.reason
            socket = await edge.join(edge.team.ada)
        for _ in range(ROOM):
            socket.say_text(a_frame(chance))
            sent += 1
        await trio.testing.wait_all_tasks_blocked()
        assert not [frame for frame in socket.pending() if frame.get("error", {}).get("code") == "INTERNAL_ERROR"]
    assert "Traceback" not in caplog.text
    assert (await (await edge.join(edge.team.bob)).ask("typing_start", channelId=edge.team.general.id))["ok"]
