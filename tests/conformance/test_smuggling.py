"""No request hides in another: what the server answers is what there is, and what it is not sure of it refuses."""

from pathlib import Path
from typing import Any

import pytest
import trio
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import TEXT, frame
from tests.conformance.http.answers import answers_in, exchange
from tests.conformance.http.proxy import nginx
from tests.conformance.http.recorder import Recorder, recording
from tests.conformance.http.requests import LEGAL, REFUSED, Sent

_BEHIND_A_PROXY = 0.06
"""Seconds without a stir in this process after which nginx has nothing more to say."""

pytestmark = pytest.mark.programme

_REFUSALS = (400, 403, 413, 426, 431, 501, 505)


@pytest.mark.parametrize("sent", [*LEGAL, *REFUSED], ids=lambda sent: sent.name)
async def test_directly(sent: Sent) -> None:
    async with recording() as (port, recorder):
        reply = await exchange(port, sent.raw)
    assert [str(seen) for seen in recorder.seen] == list(sent.serves)
    answers = answers_in(reply.data, [seen.method for seen in recorder.seen])
    assert [answer.status for answer in answers[: len(sent.serves)]] == [200] * len(sent.serves)
    rest = [answer.status for answer in answers[len(sent.serves) :]]
    assert reply.closed == sent.refused
    if sent.refused:
        assert rest
        assert rest[1:] == []
        assert rest[0] in _REFUSALS
    else:
        assert rest == []


async def test_behind_a_proxy(tmp_path: Path) -> None:
    async with recording() as (behind, recorder), nginx(tmp_path, behind) as port:
        victim = Client(await trio.open_tcp_stream("127.0.0.1", port))
        vias: set[bytes] = set()
        for number, sent in enumerate([*LEGAL, *REFUSED]):
            reply = await exchange(port, sent.raw, _BEHIND_A_PROXY)
            _check_what_came_through(sent, recorder, vias, reply.data)
            # Connections to the server are shared: what was left on one of them would answer somebody else.
            status, _, body = await victim.get(f"/victim/{number}")
            assert (status, body) == (200, b"GET /victim/%d" % number), sent.name
            recorder.seen.clear()
        await victim.aclose()


def _check_what_came_through(sent: Sent, recorder: Recorder, vias: set[bytes], data: bytes) -> None:
    """Every request that the server sees is one that nginx sent as such; who sent them gets as many answers."""
    for seen in recorder.seen:
        via = seen.headers.get(b"x-via")
        assert via, f"{sent.name}: {seen} came through unseen"
        assert via not in vias
        vias.add(via)
    if sent.name == "head: no version":
        # nginx speaks HTTP/0.9, whose answers are bodies; the server does not.
        assert recorder.seen == []
        return
    answers = answers_in(data, [seen.method for seen in recorder.seen])
    served = [answer for answer in answers if answer.status == 200]
    assert len(served) == len(recorder.seen), sent.name
    for answer, seen in zip(served, recorder.seen, strict=True):
        assert answer.body in (b"", str(seen).encode("latin-1"))


async def test_a_websocket_behind_a_proxy(tmp_path: Path) -> None:
    async with recording() as (behind, _), nginx(tmp_path, behind) as port:
        client: Any = await Client.connect(port)
        await client.send(frame(TEXT, "grüß dich".encode()))
        assert await client.receive() == "grüß dich"
        await client.aclose()
