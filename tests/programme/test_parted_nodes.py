"""Three nodes on one PostgreSQL: cut off from it, frozen and killed, each in its turn, while people send."""

from pathlib import Path

import pytest
import trio
from tests.programme.cluster import Cluster, running_cluster
from tests.programme.process import make_team
from tests.programme.talk import begin_talk

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]
BUSES = pytest.mark.parametrize("bus", ["redis", "postgres"])


@pytest.mark.slow
@BUSES
async def test_nothing_is_lost_however_nodes_are_parted_from_the_database(tmp_path: Path, bus: str) -> None:
    async with running_cluster(tmp_path, 3, bus=bus) as cluster, trio.open_nursery() as nursery:
        talk = await begin_talk(nursery, cluster, await make_team(cluster.nodes[0]), on=(1, 2), each=150)
        await talk.more()
        cluster.roads[1].cut()
        await talk.more()
        cluster.roads[1].mend()
        await talk.more()
        cluster.roads[2].freeze()
        await talk.more()
        cluster.roads[2].mend()
        await talk.more()
        await _read_only(cluster, "on")
        await trio.sleep(0.5)
        await _read_only(cluster, "off")
        await talk.more()
        await cluster.nodes[0].kill()
        await talk.more()
        await cluster.nodes[0].start()
        await talk.check(90)
        nursery.cancel_scope.cancel()


async def _read_only(cluster: Cluster, value: str) -> None:
    def turn() -> None:
        cluster.postgres.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        cluster.postgres.sql("SELECT pg_reload_conf()")

    await trio.to_thread.run_sync(turn)
