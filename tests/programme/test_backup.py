"""A backup taken while everybody talks is a moment of the history; restored, it begins a history of its own."""

import itertools
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.line import Ear, send_until_acknowledged
from tests.programme.process import history, make_team, serving

pytestmark = [pytest.mark.programme, pytest.mark.own_storage, pytest.mark.slow]

SENDERS = 20
MESSAGES_EACH = 25
"""In a row; then again, until the copy is made."""


async def test_a_backup_under_load_is_a_prefix_of_the_history(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        acknowledged: dict[str, str] = {}
        copied = trio.Event()

        async def talk(number: int) -> None:
            for round_ in itertools.count():
                if copied.is_set():
                    return
                temp_ids = [f"{number}-{round_}-{count}" for count in range(MESSAGES_EACH)]
                await send_until_acknowledged(team.owner, team.general, temp_ids, acknowledged)

        async with trio.open_nursery() as senders:
            for number in range(SENDERS):
                senders.start_soon(talk, number)
            await until(lambda: len(acknowledged) > SENDERS * MESSAGES_EACH, 60)
            before = set(acknowledged.values())
            await server.command("backup", "copy.db")
            assert len(acknowledged) > len(before), "the copy was to be made under load"
            copied.set()
        whole = [message["id"] for message in reversed(await history(team.owner, team.general))]
        await ear.until(len(whole))
        cursor, resyncs = ear.cursor, ear.resyncs
        assert cursor is not None
        assert resyncs == 0

        assert await server.stop(signal.SIGTERM) == 0
        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
        await server.command("restore", "copy.db", "--yes")
        await server.start()

        kept = [message["id"] for message in reversed(await history(team.owner, team.general))]
        assert kept == whole[: len(kept)]
        assert before <= set(kept)
        # The history goes on in another way than the one that was lost: a cursor of that one is no cursor of this.
        await ear.live.wait()
        assert ear.resyncs == 1
        assert ear.cursor is not None
        assert ear.cursor["epoch"] != cursor["epoch"]
        heard = len(ear.events)
        after = await team.owner.ask("POST", team.messages, {"content": "another way"})
        await until(lambda: len(ear.events) > heard)
        assert ear.events[-1]["data"]["message"]["id"] == after["id"]
        assert (await history(team.owner, team.general))[0]["id"] == after["id"]
        nursery.cancel_scope.cancel()
