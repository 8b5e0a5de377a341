"""PostgreSQL goes away and comes back, turns read-only, or hands over to its standby: nothing acknowledged is lost."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.line import Ear
from tests.programme.process import CHATCORE, Person, Server, Team, history, make_team, serving
from tests.services.postgres import DURABLE, running_postgres, running_standby

SENDERS = 20
MESSAGES_EACH = 60
BACK_SECONDS = 5.0
"""From the moment at which a restarted database answers to the next acknowledgement."""
WRITABLE_SECONDS = 10.0
"""From the moment at which there is a database that takes writes to the next acknowledgement."""
REFUSED_SECONDS = 10.0
"""How long a request may take to be refused while the database is away."""

pytestmark = [pytest.mark.programme, pytest.mark.own_storage, pytest.mark.slow]


@attrs.define(eq=False)
class Senders:
    """People who send message after message, each again and again until it is acknowledged."""

    team: Team
    acknowledged: dict[str, str] = attrs.field(factory=dict)
    refused: list[float] = attrs.field(factory=list)
    """Seconds that refusals took."""

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(SENDERS):
                person = (self.team.owner, self.team.other)[number % 2]
                nursery.start_soon(self._send_all, person, [f"{number}-{count}" for count in range(MESSAGES_EACH)])

    async def _send_all(self, person: Person, temp_ids: list[str]) -> None:
        for temp_id in temp_ids:
            while temp_id not in self.acknowledged:
                began = trio.current_time()
                answer = await person.call("POST", self.team.messages, {"content": temp_id, "tempId": temp_id})
                if answer.is_success:
                    self.acknowledged[temp_id] = answer.json()["id"]
                else:
                    assert answer.status_code == 503, answer.text
                    assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
                    self.refused.append(trio.current_time() - began)
                    await trio.sleep(0.05)

    async def after(self, count: int) -> None:
        """Until so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= wanted, 60)


@asynccontextmanager
async def chatting(folder: Path, url: str) -> AsyncIterator[tuple[Server, Senders, Ear]]:
    """A server on this database, people who send, and one who listens; in the end all is as it should be."""
    await trio.run_process([str(CHATCORE), "migrate", "up", "--database-url", url], cwd=folder, capture_stdout=True)
    async with serving(folder, DATABASE_URL=url) as server, trio.open_nursery() as nursery:
        team = await make_team(server)
        ear = Ear(team.other, team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        senders, done = Senders(team), trio.Event()

        async def send() -> None:
            await senders.run()
            done.set()

        nursery.start_soon(send)
        await senders.after(100)
        yield server, senders, ear
        assert not done.is_set(), "the fault came too late"
        with trio.fail_after(120):
            await done.wait()
        total = SENDERS * MESSAGES_EACH
        stored = await history(team.owner, team.general)
        assert len(senders.acknowledged) == total
        assert sorted(message["id"] for message in stored) == sorted(senders.acknowledged.values())
        heard = await ear.until(total)
        assert [event["data"]["message"]["id"] for event in heard] == [message["id"] for message in reversed(stored)]
        assert max(senders.refused, default=0) < REFUSED_SECONDS
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
async def test_a_database_that_restarts(tmp_path: Path, how: signal.Signals) -> None:
    with running_postgres(*DURABLE) as postgres:
        async with chatting(tmp_path, postgres.new_database()) as (server, senders, ear):
            await trio.to_thread.run_sync(postgres.stop, how)
            await until(lambda: len(senders.refused) > 0, 20)
            health = await server.http.get(server.url + "/api/health/ready")
            assert health.status_code == 503
            before = len(senders.acknowledged)
            await trio.to_thread.run_sync(postgres.start)
            began = trio.current_time()
            await until(lambda: len(senders.acknowledged) > before, 30)
            assert trio.current_time() - began < BACK_SECONDS
            assert ear.resyncs == 0


async def test_a_database_that_turns_read_only(tmp_path: Path) -> None:
    with running_postgres(*DURABLE) as postgres:
        async with chatting(tmp_path, postgres.new_database()) as (_, senders, ear):

            def set_read_only(value: str) -> None:
                postgres.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
                postgres.sql("SELECT pg_reload_conf()")

            await trio.to_thread.run_sync(set_read_only, "on")
            await until(lambda: len(senders.refused) > 0, 20)
            page = await senders.team.owner.ask("GET", senders.team.messages)
            assert page["messages"], "reads go on"
            before = len(senders.acknowledged)
            await trio.to_thread.run_sync(set_read_only, "off")
            began = trio.current_time()
            await until(lambda: len(senders.acknowledged) > before, 30)
            assert trio.current_time() - began < WRITABLE_SECONDS
            assert ear.resyncs == 0


async def test_a_standby_that_takes_over(tmp_path: Path) -> None:
    """The clients' cursors are of a history that may have lost its end: they are told to read afresh."""
    with running_postgres(*DURABLE) as primary, running_standby(primary, synchronous=True) as standby:
        primary.new_database()
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        async with chatting(tmp_path, f"postgresql://chat@{hosts}/chat1") as (_, senders, _):
            await trio.to_thread.run_sync(primary.stop, signal.SIGQUIT)
            await until(lambda: len(senders.refused) > 0, 20)
            before = len(senders.acknowledged)
            await trio.to_thread.run_sync(standby.sql, "SELECT pg_promote()")
            began = trio.current_time()
            await until(lambda: len(senders.acknowledged) > before, 30)
            assert trio.current_time() - began < WRITABLE_SECONDS
