"""People who talk on all nodes of a cluster, and listeners on each: whatever is done to the nodes meanwhile."""

import attrs
import trio
from tests.chatserver.net.waiting import until
from tests.programme.cluster import Cluster
from tests.programme.line import Ear, send_until_acknowledged
from tests.programme.process import Team, history

SENDERS = 20
SECONDS = 60.0
"""For what a cluster has to come through."""


@attrs.define
class Talk:
    """`acknowledged`: temp id -> message id; of the `total` that there will be."""

    cluster: Cluster
    team: Team
    ears: list[Ear]
    each: int
    acknowledged: dict[str, str] = attrs.field(factory=dict)
    all_sent: trio.Event = attrs.field(factory=trio.Event)

    @property
    def total(self) -> int:
        return SENDERS * self.each

    async def send_all(self) -> None:
        """Everybody says theirs, one message after the other, each until it is acknowledged."""
        async with trio.open_nursery() as senders:
            for number in range(SENDERS):
                person = self.cluster.on((self.team.owner, self.team.other)[number % 2])
                temp_ids = [f"{number}-{count}" for count in range(self.each)]
                senders.start_soon(send_until_acknowledged, person, self.team.general, temp_ids, self.acknowledged)
        self.all_sent.set()

    async def after(self, part: float) -> None:
        """Wait until this part of it is acknowledged."""
        await until(lambda: len(self.acknowledged) >= part * self.total, SECONDS)

    async def more(self) -> None:
        """Wait until somebody is acknowledged whatever is out of order, and the fault has met somebody."""
        await self.after(len(self.acknowledged) / self.total + 1 / 20)
        assert not self.all_sent.is_set(), "the fault came too late"

    async def check(self, seconds: float) -> None:
        """Once all is sent, within so long: nothing is lost or there twice, and all have heard all of it in order."""
        with trio.fail_after(seconds):
            await self.all_sent.wait()
        stored = await history(self.cluster.on(self.team.owner, 1), self.team.general)
        assert len(self.acknowledged) == self.total
        assert sorted(message["id"] for message in stored) == sorted(self.acknowledged.values())
        in_order = [message["id"] for message in reversed(stored)]
        for ear in self.ears:
            heard = await ear.until(self.total)
            assert [event["data"]["message"]["id"] for event in heard] == in_order
            assert ear.resyncs == 0


async def begin_talk(nursery: trio.Nursery, cluster: Cluster, team: Team, *, on: tuple[int, int], each: int) -> Talk:
    """`on`: the nodes that have a listener; a third one goes to whichever is there. `each`: messages of each person."""
    ears = [Ear(cluster.on(team.other, number), team.workspace_id) for number in on]
    ears.append(Ear(cluster.on(team.owner), team.workspace_id))
    for ear in ears:
        nursery.start_soon(ear.listen)
        await ear.live.wait()
    talk = Talk(cluster, team, ears, each)
    nursery.start_soon(talk.send_all)
    return talk
