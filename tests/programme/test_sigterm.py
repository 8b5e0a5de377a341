"""A stop with a thousand connections, some of which read nothing."""

import signal
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.client import Client
from tests.programme.crowd import close_all, open_sockets
from tests.programme.process import make_team, serving

from chatserver.net.server import GRACE_SECONDS

SOCKETS, STALLED = 1000, 50
_CONTENT = "x" * 4000
_MESSAGES = 100
"""Of 4 KB each: more than the kernel takes for a reader that stalls, less than the 1 MiB that would end it."""

pytestmark = [pytest.mark.programme, pytest.mark.slow]


async def test_everybody_is_told_1012_and_the_process_is_gone_in_time(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        team = await make_team(server)
        people = (team.owner, team.other)
        stalled = await open_sockets(people, STALLED, workspace_id=team.workspace_id, stalls=True)
        others = await open_sockets(people, SOCKETS - STALLED)
        for number in range(_MESSAGES):
            await team.owner.ask("POST", team.messages, {"content": f"{number} {_CONTENT[5:]}"})
        codes: list[int] = []

        async def hear(client: Client) -> None:
            codes.append(await client.closed(GRACE_SECONDS + 2))
            await client.aclose()

        process = server.process
        assert process is not None
        async with trio.open_nursery() as nursery:
            for client in others:
                nursery.start_soon(hear, client)
            await trio.sleep(0.1)
            assert codes == []
            process.send_signal(signal.SIGTERM)
            with trio.fail_after(GRACE_SECONDS + 2):
                assert await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True) == 0
        assert codes == [1012] * (SOCKETS - STALLED)
        # They were really stalled: none has got everything.
        for client in stalled:
            heard = 0
            while await client.receive() is not None:
                heard += 1
            assert heard < _MESSAGES
        await close_all(stalled)
