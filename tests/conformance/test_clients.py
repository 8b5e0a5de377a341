"""The product spoken to by clients that others wrote: `ws` on Node, `websockets` on asyncio; over both lanes."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.conformance.judge import ASGI, LANES
from tests.conformance.leash import Leash, command_of, install_ws, leashed
from tests.conformance.preface import prefaced
from tests.programme.process import Server, Team, make_team, serving

from chatserver.net.socket import FRAME_LIMIT

CLIENTS = ("ws", "websockets")

pytestmark = pytest.mark.programme


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_ws(tmp_path_factory.mktemp("ws"))


@attrs.define
class Place:
    """A running product, and how this client gets there."""

    server: Server
    team: Team
    port: int
    command: Any

    @asynccontextmanager
    async def client(self, token: str | None = None) -> AsyncIterator[Leash]:
        """A client that has heard the greeting, signed in by a header if there is a token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with leashed(self.command, f"ws://127.0.0.1:{self.port}/api/realtime", headers) as leash:
            yield leash

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[Leash]:
        """A client that is live in the workspace."""
        async with self.client(self.team.owner.token) as leash:
            await leash.say("join_workspace", "join", workspaceId=self.team.workspace_id)
            assert (await leash.frame("join"))["ok"]
            yield leash


@pytest.fixture(params=[(client, lane) for client in CLIENTS for lane in LANES], ids="-".join)
async def place(request: pytest.FixtureRequest, tmp_path: Path, ws: Path) -> AsyncIterator[Place]:
    client, lane = request.param
    async with serving(tmp_path) as server, prefaced(server.port) as relay:
        port = relay if lane == ASGI else server.port
        yield Place(server, await make_team(server), port, command_of(client, ws))


async def test_they_are_at_home_here(place: Place) -> None:
    await _converse(place)
    await _see_the_end(place)


async def _converse(place: Place) -> None:
    content = "grüß dich 👋 " * 200
    message = {"channelId": place.team.general, "content": content, "tempId": "once"}
    async with place.joined() as ada, place.client() as ben:
        # The other way to sign in: the token in the first frame.
        await ben.say("join_workspace", "j", workspaceId=place.team.workspace_id, accessToken=place.team.other.token)
        assert (await ben.frame("j"))["ok"]
        await ada.say("send_message", "m", **message)
        sent = (await ada.frame("m"))["data"]["message"]
        heard = await ben.frame("message_received")
        assert heard["data"]["message"]["content"] == content
        assert heard["seq"] == sent["seq"]

        whole = json.dumps(
            {"type": "send_message", "id": "f", "data": {**message, "tempId": "twice"}}, ensure_ascii=False
        )
        await ben.do(fragments=[whole[:30], whole[30:80], whole[80:]])
        assert (await ben.frame("f"))["ok"]
        await ben.do(ping="still there?")
        assert await ben.hear("pong") == "still there?"
        await ben.do(close=[1000, "bye"])
        assert await ben.closed() == 1000


async def _see_the_end(place: Place) -> None:
    """Every close code that tells a client what to do next arrives as it was sent."""
    async with place.client("nonsense") as stranger:
        assert await stranger.closed() == 4401
    async with place.joined() as ada:
        await ada.do(send=" " * (FRAME_LIMIT + 1))
        assert await ada.closed() == 1009
    async with place.joined() as ada:
        await ada.do(binary="{}")
        assert await ada.closed() == 4400
    async with place.joined() as ada:
        await ada.do(send="nonsense")
        assert await ada.closed() == 4400
    async with place.joined() as ada, place.joined() as other:
        process = place.server.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert await ada.closed() == 1012
        assert await other.closed() == 1012
        with trio.fail_after(15):
            assert await trio.to_thread.run_sync(process.wait) == 0
