"""Clients that are slow on purpose are cut by the deadlines, and the others do not notice them meanwhile."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.conformance.http.answers import answers_in
from tests.conformance.http.slow import Slow
from tests.programme.descriptors import sockets_of
from tests.programme.line import line
from tests.programme.process import Server, Team, make_team, serving

from chatcore import Config, open_chat
from chatserver import edge
from chatserver.app import serve
from chatserver.gateway.protocol import SIGN_IN_SECONDS
from chatserver.net.hypercorn_http import KEEP_ALIVE_SECONDS
from chatserver.net.listener import HEAD_SECONDS
from chatserver.net.socket import LINGER_SECONDS, STALL_SECONDS

EACH = 40
SERVED_WITHIN = 1.0
_TOLERANCE = 2.0
"""Seconds that a busy machine may be late with a deadline."""

_UPGRADE = (
    b"GET /api/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)
_DOCUMENT = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
_LOGIN = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

pytestmark = pytest.mark.programme


def _headers(first: bytes) -> Slow:
    return Slow(first, b"X-Header: value\r\n" * 100)


_KINDS: dict[str, tuple[Callable[[], Slow], float]] = {
    "half open": (Slow, HEAD_SECONDS),
    "headers of an upgrade": (lambda: _headers(_UPGRADE), HEAD_SECONDS),
    "no sign-in": (lambda: Slow(_UPGRADE + b"\r\n", b"\x89\x80\0\0\0\0" * 100), SIGN_IN_SECONDS + LINGER_SECONDS),
    "headers": (lambda: _headers(b"GET / HTTP/1.1\r\nHost: x\r\n"), KEEP_ALIVE_SECONDS),
}
"""Kind -> a client of it, and the seconds that the server has patience."""


@pytest.mark.slow
async def test_two_hundred_slow_clients_cost_the_others_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        probes = await _started(server, team, nursery)
        before = _sockets(server)
        slow = {kind: [make() for _ in range(EACH)] for kind, (make, _) in _KINDS.items()}
        readers = [Slow(_DOCUMENT * 40, reads=False) for _ in range(EACH)]
        bodies = [Slow(_LOGIN, b" " * 1000) for _ in range(EACH)]
        for client in (*bodies, *readers, *(each for kind in slow.values() for each in kind)):
            await nursery.start(client.run, server.port)
        await until(lambda: _sockets(server) >= before + EACH * (len(slow) + 2))

        # Those who do not read are cut before anything of theirs could pass for an idle connection.
        await trio.sleep(STALL_SECONDS + _TOLERANCE)
        assert _sockets(server) <= before + EACH * 2
        assert all(client.lasted is None for client in slow["headers"])
        await trio.sleep(KEEP_ALIVE_SECONDS - STALL_SECONDS)
        for kind, (_, patience) in _KINDS.items():
            lasted = [client.lasted for client in slow[kind]]
            assert all(each is not None and each <= patience + _TOLERANCE for each in lasted), (kind, lasted)
        # Bodies have half a minute; all the others are gone.
        assert all(client.lasted is None for client in bodies)
        assert _sockets(server) <= before + EACH
        assert len(probes) > 50
        assert max(probes) < SERVED_WITHIN, sorted(probes)[-5:]
        nursery.cancel_scope.cancel()


async def _started(server: Server, team: Team, nursery: trio.Nursery) -> list[float]:
    """Somebody who goes on using the chat, in two ways; the seconds that each answer takes."""
    took: list[float] = []

    async def clocked(ask: Callable[[], Awaitable[object]]) -> None:
        while True:
            began = trio.current_time()
            await ask()
            took.append(trio.current_time() - began)
            await trio.sleep(0.2)

    async def over_socket(task_status: trio.TaskStatus[None]) -> None:
        async with line(server) as socket:
            await socket.ask("authenticate", accessToken=team.other.token)
            task_status.started()
            await clocked(partial(socket.ask, "send_message", channelId=team.general, content="x"))

    await nursery.start(over_socket)
    nursery.start_soon(clocked, partial(team.owner.ask, "GET", team.messages))
    return took


async def test_a_slow_body_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 1.0)
    config = Config(database_url="memory:", bcrypt_rounds=4, rate_limits="off")
    async with open_chat(config=config) as chat, trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve, chat, port=0))
        clients = [Slow(_LOGIN, b" " * 1000) for _ in range(EACH)]
        for client in clients:
            await nursery.start(client.run, address.port)
        await until(lambda: all(client.lasted is not None for client in clients))
        for client in clients:
            assert client.lasted is not None
            assert client.lasted <= edge.BODY_SECONDS + _TOLERANCE
            (answer,) = answers_in(client.heard, ["POST"])
            assert answer.status == 408
        nursery.cancel_scope.cancel()


def _sockets(server: Server) -> int:
    assert server.process is not None
    return sockets_of(server.process.pid)
