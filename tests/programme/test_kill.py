"""What was acknowledged is there, once, whatever happens to the process or to the acknowledgement."""

import re
import shutil
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.line import Ear, send_until_acknowledged
from tests.programme.process import history, make_team, serving

KILLS = 20
SENDERS = 50
MESSAGES_EACH = 210
READY_SECONDS = 10.0

pytestmark = pytest.mark.programme


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_or_doubled_by_twenty_kills(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        acknowledged: dict[str, str] = {}
        all_sent = trio.Event()

        async def send_all() -> None:
            async with trio.open_nursery() as senders:
                for number in range(SENDERS):
                    person = (team.owner, team.other)[number % 2]
                    temp_ids = [f"{number}-{count}" for count in range(MESSAGES_EACH)]
                    senders.start_soon(send_until_acknowledged, person, team.general, temp_ids, acknowledged)
            all_sent.set()

        nursery.start_soon(send_all)
        total = SENDERS * MESSAGES_EACH
        starts: list[float] = []
        for kill in range(1, KILLS + 1):
            # Each kill falls into the middle of the sending: after so many more acknowledgements.
            await until(lambda wanted=kill * total // (KILLS + 1): len(acknowledged) >= wanted, 60)
            assert not all_sent.is_set()
            await server.kill()
            starts.append(await server.start())
        with trio.fail_after(60):
            await all_sent.wait()

        assert median(starts) < READY_SECONDS, starts
        assert len(acknowledged) == total >= 10_000
        stored = await history(team.owner, team.general)
        assert sorted(message["id"] for message in stored) == sorted(acknowledged.values())
        heard = await ear.until(total)
        assert [event["data"]["message"]["id"] for event in heard] == [message["id"] for message in reversed(stored)]
        assert ear.resyncs == 0
        nursery.cancel_scope.cancel()


async def test_a_retry_after_a_lost_acknowledgement_is_the_first_message(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        once = {"content": "once", "tempId": "retry"}
        first = await team.owner.ask("POST", team.messages, once)
        await server.kill()
        await server.start()
        again = await team.owner.ask("POST", team.messages, once)
        after = await team.owner.ask("POST", team.messages, {"content": "after"})
        assert again["id"] == first["id"]
        heard = await ear.until(2)
        assert [event["data"]["message"]["id"] for event in heard] == [first["id"], after["id"]]
        assert len(await history(team.owner, team.general)) == 2
        nursery.cancel_scope.cancel()


@pytest.mark.own_storage
async def test_the_disk_is_synced_before_every_acknowledgement(tmp_path: Path) -> None:
    assert shutil.which("strace"), "strace is missing: apt-get install strace"
    trace = tmp_path / "trace"
    calls = "trace=fdatasync,fsync,sendto,sendmsg,writev,write"
    wrapper = ("strace", "-f", "-e", calls, "-s", "96", "-o", str(trace))
    async with serving(tmp_path, wrapper=wrapper) as server:
        team = await make_team(server)
        for number in range(20):
            await team.owner.ask("POST", team.messages, {"content": f"sync {number}", "tempId": f"s{number}"})
        await server.stop()
    # Only what begins after the team was made counts: the answers 201 to the twenty messages, one after the other.
    steps = re.findall(
        r"(fdatasync|fsync)(?:\(\d+| resumed>)\)\s+= 0|\bsend(?:to|msg)\(.*?HTTP/1\.1 (201)", trace.read_text()
    )
    order = ["sync" if sync else "answer" for sync, _ in steps]
    assert order.count("answer") >= 20
    assert ("answer", "answer") not in pairwise(order)
