"""A real server takes thousands of strange frames and goes on as if nothing had been.

Fifty thousand of them are tried on the protocol alone, in tests/chatserver/gateway/test_wild_frames.py.
"""

import json
import random
from pathlib import Path

import pytest
import trio
from tests.chatserver.gateway.test_wild_frames import a_frame
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import TEXT, frame
from tests.programme.line import Ear
from tests.programme.process import Server, Team, make_team, serving

pytestmark = [pytest.mark.programme, pytest.mark.slow]

SOCKETS = 4
FRAMES_EACH = 2_500
AT_ONCE = 10
CODES = {1007, 1009, 4400}
"""Not UTF-8, too large, not a JSON object: nothing else is said of a strange frame."""
MIB = 1024 * 1024


async def test_a_server_takes_anything(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        before = _memory(server)
        closed: list[int] = []
        async with trio.open_nursery() as strangers:
            for seed in range(SOCKETS):
                strangers.start_soon(be_strange, server, team, random.Random(seed), closed)
        assert set(closed) <= CODES
        assert set(closed) >= {1007, 4400}
        assert _memory(server) - before < 64 * MIB
        assert server.process is not None
        assert server.process.poll() is None
        assert "Traceback" not in server.log()
        sent = await team.owner.ask("POST", team.messages, {"content": "still here"})
        assert (await ear.until(1))[-1]["data"]["message"]["id"] == sent["id"]
        nursery.cancel_scope.cancel()


async def be_strange(server: Server, team: Team, chance: random.Random, closed: list[int]) -> None:
    """Send strange frames over one socket after the other, each until it is closed."""
    sent = 0
    while sent < FRAMES_EACH:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            client = Client(stream)
            assert (await client.upgrade(headers=(f"Authorization: Bearer {team.other.token}",)))[0] == 101
            while sent < FRAMES_EACH and not client.close_code:
                texts = [a_frame(chance).encode("utf-8", "surrogatepass") for _ in range(AT_ONCE)]
                sent += len(texts)
                try:
                    await stream.send_all(b"".join(frame(TEXT, text) for text in texts))
                    await hear_all(client)
                except trio.BrokenResourceError:
                    break
            if client.close_code:
                closed.append(client.close_code)


async def hear_all(client: Client) -> None:
    """Every answer up to that of a frame that is right; no answer says that something broke."""
    await client.say("leave_workspace", "last", workspaceId="aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa")
    while (text := await client.receive(30)) is not None:
        answer = json.loads(text)
        assert answer.get("error", {}).get("code") != "INTERNAL_ERROR", answer
        if answer.get("id") == "last":
            return


def _memory(server: Server) -> int:
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096
