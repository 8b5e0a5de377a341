"""A full disk: writes are refused, reads go on, nothing acknowledged is lost, and room is all that is needed."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio
from tests.programme.process import Server, Team, history, make_team, serving

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]

MIB = 1024 * 1024
LETTER = "x" * 3500
SENDERS = 8
MakeRoom = Callable[[Server], Awaitable[None]]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 6 MiB, of which ballast takes some away."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.decode().strip()}")
    try:
        (folder / "ballast").write_bytes(b"x" * 2 * MIB)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_file_system(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system; the other test needs no rights")
    with small_disk(tmp_path / "disk") as disk:
        async with serving(tmp_path, DATABASE_URL=f"sqlite:///{disk}/chat.db") as server:
            await until_full_and_back(server, disk / "chat.db", lambda _: trio.Path(disk / "ballast").unlink())


async def test_a_database_that_may_not_grow(tmp_path: Path) -> None:
    """What a quota does to a process, without the rights to set one."""
    async with serving(tmp_path) as server:
        assert server.process is not None
        pid, hard = server.process.pid, resource.RLIM_INFINITY
        grown = max((tmp_path / name).stat().st_size for name in ("chat.db", "chat.db-wal")) + MIB
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (grown, hard))

        async def make_room(server: Server) -> None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

        await until_full_and_back(server, tmp_path / "chat.db", make_room)


async def until_full_and_back(server: Server, database: Path, make_room: MakeRoom) -> None:
    team = await make_team(server)
    acknowledged: list[str] = []
    refused: list[int] = []
    async with trio.open_nursery() as nursery:
        for number in range(SENDERS):
            nursery.start_soon(fill, team, number, acknowledged, refused)
    # Eight that were written together may have been refused while there was room for one.
    await fill(team, SENDERS, acknowledged, refused)
    assert len(refused) == SENDERS + 1
    assert set(refused) <= {503, 507}
    assert len(acknowledged) > SENDERS

    # Reading goes on, and the server says what is wrong.
    assert {message["id"] for message in await history(team.other, team.general)} >= set(acknowledged)
    assert (await team.other.call("GET", "/api/health")).status_code == 200
    ready = await team.other.call("GET", "/api/health/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["storage"] == {"ok": False}

    await make_room(server)
    acknowledged.append(await send_once_there_is_room(team))
    assert (await team.other.call("GET", "/api/health/ready")).json()["checks"]["storage"] == {"ok": True}

    stored = [message["id"] for message in await history(team.owner, team.general)]
    # What was refused was not done; what failed between commit and answer may have been.
    assert set(stored) == set(acknowledged)
    assert len(stored) == len(acknowledged)
    await server.stop()
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def send_once_there_is_room(team: Team) -> str:
    """The id of a message that is taken again, without anybody's help."""
    with trio.fail_after(10):
        while True:
            answer = await team.owner.call("POST", team.messages, {"content": "room again", "tempId": "again"})
            if answer.status_code == 201:
                return str(answer.json()["id"])
            await trio.sleep(0.2)


async def fill(team: Team, number: int, acknowledged: list[str], refused: list[int]) -> None:
    """Send until it is refused."""
    for count in range(10_000):
        body = {"content": LETTER, "tempId": f"{number}-{count}"}
        answer = await team.owner.call("POST", team.messages, body)
        if answer.status_code != 201:
            assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
            assert int(answer.headers["Retry-After"]) > 0
            refused.append(answer.status_code)
            return
        acknowledged.append(answer.json()["id"])
