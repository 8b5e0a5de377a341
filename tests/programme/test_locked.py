"""Another process holds the database for half a minute: writes are refused in seconds, and nobody else notices."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.process import Person, Server, Team, history, make_team, serving

pytestmark = [pytest.mark.programme, pytest.mark.own_storage, pytest.mark.slow, pytest.mark.still]

LOCKED_SECONDS = 30.0
SENDERS = 30
REFUSED_WITHIN = 6.0
"""The storage waits 4 s for its turn; the rest is left to a busy machine."""
LAG_SECONDS = 0.1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else is writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


async def test_a_writer_that_is_locked_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        acknowledged: set[str] = set()
        refused: list[float] = []
        delays: list[float] = []
        nursery.start_soon(watch, server, delays)
        for number in range(SENDERS):
            person = (team.owner, team.other)[number % 2]
            nursery.start_soon(send_for_ever, person, team, number, acknowledged, refused)
        await trio.sleep(1)
        with locked(tmp_path / "chat.db"):
            before, began = len(acknowledged), trio.current_time()
            delays.clear()
            while trio.current_time() < began + LOCKED_SECONDS:
                # Who reads is not held up.
                with trio.fail_after(2):
                    assert len((await team.other.ask("GET", team.messages))["messages"]) > 0
                await trio.sleep(0.5)
            # What was under way when the lock was taken may have been acknowledged just after.
            assert len(acknowledged) <= before + SENDERS
            assert (await team.other.call("GET", "/api/health/ready")).status_code == 503
            lags = sorted(delays)
        assert len(refused) >= SENDERS * (LOCKED_SECONDS // REFUSED_WITHIN - 1)
        assert max(refused) < REFUSED_WITHIN, "a write waited for longer than it should"
        assert lags[int(len(lags) * 0.99)] < LAG_SECONDS, lags[-10:]
        assert lags[len(lags) // 2] < LAG_SECONDS / 2

        before = len(acknowledged)
        await until(lambda: len(acknowledged) >= before + SENDERS)
        nursery.cancel_scope.cancel()
    await nothing_else_was_written(tmp_path, acknowledged)


async def watch(server: Server, delays: list[float]) -> None:
    """How long the cheapest request takes: it waits for nothing but the server's loop."""
    while True:
        began = trio.current_time()
        assert (await server.http.get(server.url + "/api/health")).status_code == 200
        delays.append(trio.current_time() - began)
        await trio.sleep(0.02)


async def send_for_ever(person: Person, team: Team, number: int, acknowledged: set[str], refused: list[float]) -> None:
    """Each message once: what was refused is not tried again."""
    count = 0
    while True:
        count += 1
        began = trio.current_time()
        body = {"content": f"{number} {count}", "tempId": f"{number}-{count}"}
        answer = await person.call("POST", team.messages, body)
        if answer.status_code == 201:
            acknowledged.add(answer.json()["tempId"])
            await trio.sleep(0.2)
        else:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            refused.append(trio.current_time() - began)


async def nothing_else_was_written(folder: Path, acknowledged: set[str]) -> None:
    """Refused is not written; only what was cut off at the end may have been."""
    async with serving(folder) as server:
        server_team = await server.http.post(
            server.url + "/api/auth/login", json={"email": "ada@example.org", "password": "correct horse battery"}
        )
        person = Person(server, "", "ada@example.org", server_team.json()["accessToken"])
        channels = (await person.ask("GET", "/api/workspaces/team/channels"))["channels"]
        stored = [message["tempId"] for message in await history(person, channels[0]["id"])]
        assert len(stored) == len(set(stored))
        assert set(stored) >= acknowledged
        assert len(set(stored) - acknowledged) <= SENDERS
