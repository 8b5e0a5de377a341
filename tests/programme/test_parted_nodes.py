"""Three nodes on one PostgreSQL: cut off from it, frozen and killed, each in its turn, while people send."""

from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.cluster import Cluster, running_cluster
from tests.programme.line import Ear, send_until_acknowledged
from tests.programme.process import history, make_team

SENDERS, MESSAGES_EACH = 20, 150

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]
BUSES = pytest.mark.parametrize("bus", ["redis", "postgres"])


@pytest.mark.slow
@BUSES
async def test_nothing_is_lost_however_nodes_are_parted_from_the_database(tmp_path: Path, bus: str) -> None:
    async with running_cluster(tmp_path, 3, bus=bus) as cluster, trio.open_nursery() as nursery:
        team = await make_team(cluster.nodes[0])
        ears = [Ear(cluster.on(team.other, number), team.workspace_id) for number in (1, 2)]
        ears.append(Ear(cluster.on(team.owner), team.workspace_id))
        for ear in ears:
            nursery.start_soon(ear.listen)
            await ear.live.wait()
        acknowledged: dict[str, str] = {}
        all_sent = trio.Event()
        total = SENDERS * MESSAGES_EACH

        async def send_all() -> None:
            async with trio.open_nursery() as senders:
                for number in range(SENDERS):
                    person = cluster.on((team.owner, team.other)[number % 2])
                    temp_ids = [f"{number}-{count}" for count in range(MESSAGES_EACH)]
                    senders.start_soon(send_until_acknowledged, person, team.general, temp_ids, acknowledged)
            all_sent.set()

        async def more() -> None:
            """Wait until somebody is acknowledged whatever is out of order, and the fault has met somebody."""
            wanted = len(acknowledged) + total // 20
            await until(lambda: len(acknowledged) >= wanted, 60)
            assert not all_sent.is_set(), "the fault came too late"

        nursery.start_soon(send_all)
        await more()
        cluster.roads[1].cut()
        await more()
        cluster.roads[1].mend()
        await more()
        cluster.roads[2].freeze()
        await more()
        cluster.roads[2].mend()
        await more()
        await _read_only(cluster, "on")
        await trio.sleep(0.5)
        await _read_only(cluster, "off")
        await more()
        await cluster.nodes[0].kill()
        await more()
        await cluster.nodes[0].start()
        with trio.fail_after(90):
            await all_sent.wait()

        stored = await history(cluster.on(team.owner, 1), team.general)
        assert len(acknowledged) == total
        assert sorted(message["id"] for message in stored) == sorted(acknowledged.values())
        in_order = [message["id"] for message in reversed(stored)]
        for ear in ears:
            heard = await ear.until(total)
            assert [event["data"]["message"]["id"] for event in heard] == in_order
            assert ear.resyncs == 0
        nursery.cancel_scope.cancel()


async def _read_only(cluster: Cluster, value: str) -> None:
    def turn() -> None:
        cluster.postgres.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        cluster.postgres.sql("SELECT pg_reload_conf()")

    await trio.to_thread.run_sync(turn)
