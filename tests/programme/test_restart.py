"""A restart keeps history, sessions and unread counts, and cursors."""

import signal
from pathlib import Path

import pytest
import trio
from tests.programme.line import Ear
from tests.programme.process import make_team, serving

pytestmark = pytest.mark.programme


async def test_a_restart_keeps_everything_and_a_cursor_gets_what_it_missed(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ear.listen)
            await ear.live.wait()
            nursery.cancel_scope.cancel()
        path = f"/api/channels/{team.general}/messages"
        missed = [(await team.owner.ask("POST", path, {"content": f"missed {n}"}))["id"] for n in range(3)]
        assert await server.stop(signal.SIGTERM) == 0
        await server.start()
        # The same tokens: sessions outlive the process.
        channels = (await team.other.ask("GET", "/api/workspaces/team/channels"))["channels"]
        assert [each["unreadCount"] for each in channels if each["id"] == team.general] == [3]
        page = await team.other.ask("GET", path)
        assert [message["id"] for message in page["messages"]] == missed[::-1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ear.listen)
            heard = await ear.until(3)
            await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        assert [event["data"]["message"]["id"] for event in heard] == missed
        assert ear.resyncs == 0
