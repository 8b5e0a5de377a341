"""The promises of `chatcore.ports.bus`, as suites: for every bus, and for a bus between nodes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from itertools import pairwise
from typing import ClassVar, Protocol

import pytest
import trio
import trio.testing

from chatcore.events import EVERYONE, Audience, Scope
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.ports import Bus, Envelope
from chatcore.testing.contract import Contract

WORKSPACE = WorkspaceId("01890a5d-ac96-774b-bcce-b302099a8057")


def envelope(seq: int) -> Envelope:
    """An event of no interest, at this place."""
    return Envelope(WORKSPACE, "epoch", seq, "workspace_updated", EVERYONE, b"{}")


class Inbox:
    """A subscriber that remembers the `seq`s it was given."""

    def __init__(self) -> None:
        self.seqs: list[int] = []

    def __call__(self, envelopes: Sequence[Envelope]) -> None:
        self.seqs += [envelope.seq for envelope in envelopes]


class BusContract(Contract):
    """Inherit, and say how a bus is opened: one node of an installation that has no others."""

    pytestmark = pytest.mark.trio

    def open_bus(self) -> AbstractAsyncContextManager[Bus]:
        """A new bus that nobody else uses."""
        raise NotImplementedError

    async def test_own_subscribers_have_been_called_when_publish_returns(self) -> None:
        async with self.open_bus() as bus:
            first, second = Inbox(), Inbox()
            with bus.subscribe(first), bus.subscribe(second):
                bus.publish([envelope(1), envelope(2)])
                assert first.seqs == second.seqs == [1, 2]

    async def test_envelopes_arrive_unchanged(self) -> None:
        async with self.open_bus() as bus:
            arrived: list[Envelope] = []
            sent = envelope(7)
            with bus.subscribe(arrived.extend):
                bus.publish([sent])
            fields = ("workspace_id", "epoch", "seq", "type", "audience", "data")
            assert [[getattr(one, name) for name in fields] for one in arrived] == [
                [getattr(sent, name) for name in fields]
            ]

    async def test_publishing_without_subscribers_is_fine(self) -> None:
        async with self.open_bus() as bus:
            bus.publish([envelope(1)])
            inbox = Inbox()
            with bus.subscribe(inbox):
                bus.publish([])
                bus.publish([envelope(2)])
            assert inbox.seqs == [2]

    async def test_nothing_is_delivered_after_the_context_is_closed(self) -> None:
        async with self.open_bus() as bus:
            inbox = Inbox()
            with bus.subscribe(inbox):
                bus.publish([envelope(1)])
            bus.publish([envelope(2)])
            assert inbox.seqs == [1]

    async def test_the_same_subscriber_may_subscribe_twice(self) -> None:
        async with self.open_bus() as bus:
            inbox = Inbox()
            with bus.subscribe(inbox):
                with bus.subscribe(inbox):
                    bus.publish([envelope(1)])
                bus.publish([envelope(2)])
            assert inbox.seqs == [1, 1, 2]

    async def test_a_subscriber_that_raises_is_contained(self) -> None:
        async with self.open_bus() as bus:
            before, after = Inbox(), Inbox()

            def broken(_: Sequence[Envelope]) -> None:
                raise RuntimeError("a subscriber broke")

            with bus.subscribe(before), bus.subscribe(broken), bus.subscribe(after):
                bus.publish([envelope(1)])
                bus.publish([envelope(2)])
            assert before.seqs == after.seqs == [1, 2]

    async def test_what_a_subscriber_publishes_comes_after_what_it_was_given(self) -> None:
        async with self.open_bus() as bus:
            inbox = Inbox()

            def answer(envelopes: Sequence[Envelope]) -> None:
                if envelopes[0].seq == 1:
                    bus.publish([envelope(2)])

            with bus.subscribe(answer), bus.subscribe(inbox):
                bus.publish([envelope(1)])
                assert inbox.seqs == [1, 2]

    async def test_a_subscriber_that_left_while_others_were_called_is_not_called(self) -> None:
        async with self.open_bus() as bus:
            leaver, other = Inbox(), Inbox()
            leaving = ExitStack()

            def push_out(_: Sequence[Envelope]) -> None:
                leaving.close()

            with bus.subscribe(push_out), leaving, bus.subscribe(other):
                leaving.enter_context(bus.subscribe(leaver))
                bus.publish([envelope(1)])
                bus.publish([envelope(2)])
            assert leaver.seqs == []
            assert other.seqs == [1, 2]

    async def test_many_arrive_in_order(self) -> None:
        async with self.open_bus() as bus:
            inbox = Inbox()
            with bus.subscribe(inbox):
                for seq in range(1, 1001):
                    bus.publish([envelope(seq)])
            assert inbox.seqs == list(range(1, 1001))

    async def test_health(self) -> None:
        async with self.open_bus() as bus:
            assert (await bus.health())["ok"] is True


class Site(Protocol):
    """Where several nodes meet, each by a way of its own that can be made to fail."""

    def node(self, name: str) -> AbstractAsyncContextManager[Bus]:
        """The bus of a node that joins the others."""
        ...

    def cut(self, name: str) -> None:
        """Break the node's connections, and refuse it others."""
        ...

    def freeze(self, name: str) -> None:
        """Let nothing pass to or from the node, without a word."""
        ...

    def mend(self, name: str) -> None:
        """Let everything pass again."""
        ...

    async def restart(self) -> None:
        """End what relays between the nodes, and start it again."""
        ...


class SharedBusContract(Contract):
    """For a bus between nodes: inherit, and say where they meet."""

    pytestmark = pytest.mark.trio

    autojump: ClassVar[bool] = False
    """Whether waiting is skipped (`trio.testing.MockClock`), which a network does not allow."""
    patience: ClassVar[float] = 15.0
    """Seconds within which a broken way is noticed and mended."""

    @pytest.fixture
    def trio_clock(self) -> trio.abc.Clock | None:
        """The clock of the run; None is the real one."""
        return trio.testing.MockClock(autojump_threshold=0) if self.autojump else None

    def open_site(self) -> AbstractAsyncContextManager[Site]:
        """A place that nobody else uses."""
        raise NotImplementedError

    async def test_other_nodes_get_it_soon_unchanged_and_once(self, trio_clock: trio.abc.Clock | None) -> None:
        sent = [
            Envelope(WORKSPACE, "epoch", 7, "message_received", EVERYONE, '{"content":"naïve \\n ☃"}'.encode()),
            Envelope(WORKSPACE, "", 0, "typing", Audience(Scope.CHANNEL, ChannelId("c"), UserId("u")), b"{}"),
        ]
        async with self.open_site() as site, site.node("here") as here, site.node("there") as there:
            mine: list[Envelope] = []
            theirs: list[Envelope] = []
            with here.subscribe(mine.extend), there.subscribe(theirs.extend):
                here.publish(sent)
                assert mine == sent
                await self.until(lambda: len(theirs) >= 2)
                await trio.sleep(0.2)
            fields = ("workspace_id", "epoch", "seq", "type", "audience", "data")
            assert [[getattr(one, name) for name in fields] for one in theirs] == [
                [getattr(one, name) for name in fields] for one in sent
            ]
            assert mine == sent

    async def test_what_each_node_publishes_arrives_in_order(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_site() as site, site.node("one") as one, site.node("two") as two, site.node("ear") as ear:
            heard = Inbox()
            with ear.subscribe(heard):
                for seq in range(1, 1001):
                    one.publish([envelope(seq)])
                    two.publish([envelope(10_000 + seq)])
                    if seq % 100 == 0:
                        await trio.sleep(0.002)
                await self.until(lambda: len(heard.seqs) >= 2000)
            assert [seq for seq in heard.seqs if seq < 10_000] == list(range(1, 1001))
            assert [seq for seq in heard.seqs if seq > 10_000] == list(range(10_001, 11_001))

    async def test_a_large_ephemeral_event_arrives_whole(self, trio_clock: trio.abc.Clock | None) -> None:
        large = Envelope(WORKSPACE, "", 0, "huddle_signal", EVERYONE, b'{"sdp":"' + "å".encode() * 16_000 + b'"}')
        async with self.open_site() as site, site.node("here") as here, site.node("there") as there:
            arrived: list[Envelope] = []
            with there.subscribe(arrived.extend):
                here.publish([envelope(1), large, envelope(2)])
                await self.until(lambda: len(arrived) >= 3)
            assert [one.seq for one in arrived] == [1, 0, 2]
            assert arrived[1].data == large.data

    async def test_a_node_that_was_cut_off_comes_back(self, trio_clock: trio.abc.Clock | None) -> None:
        await self.break_and_mend(lambda site: site.cut("there"))

    async def test_a_silent_way_is_noticed(self, trio_clock: trio.abc.Clock | None) -> None:
        await self.break_and_mend(lambda site: site.freeze("there"))

    async def break_and_mend(self, fail: Callable[[Site], None]) -> None:
        """Nothing comes twice, late or out of order; the others go on; publishing never waits."""
        async with (
            self.open_site() as site,
            site.node("here") as here,
            site.node("other") as other,
            site.node("there") as there,
        ):
            near, far = Inbox(), Inbox()
            with other.subscribe(near), there.subscribe(far):
                here.publish([envelope(1)])
                await self.until(lambda: near.seqs == far.seqs == [1])
                fail(site)
                await self.until_away(there)
                for seq in range(2, 102):
                    here.publish([envelope(seq)])
                there.publish([envelope(5000)])  # it has nobody to tell, and says nothing of that
                await self.until(lambda: near.seqs == list(range(1, 102)))
                site.mend("there")
                await self.until_back(there)
                here.publish([envelope(102)])
                there.publish([envelope(103)])
                await self.until(lambda: 102 in far.seqs and 103 in near.seqs)
            theirs = [seq for seq in far.seqs if seq <= 102]
            assert theirs == sorted(set(theirs))
            assert near.seqs[-2:] in ([102, 103], [103, 102])

    async def test_everybody_comes_back_after_a_restart(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_site() as site, site.node("here") as here, site.node("there") as there:
            heard = Inbox()
            with there.subscribe(heard):
                here.publish([envelope(1)])
                await self.until(lambda: heard.seqs == [1])
                await site.restart()
                seq = 1

                async def told() -> bool:
                    nonlocal seq
                    seq += 1
                    here.publish([envelope(seq)])
                    await trio.sleep(0.05)
                    return len(heard.seqs) > 1

                with trio.fail_after(self.patience):
                    while not await told():
                        pass
            assert all(before < after for before, after in pairwise(heard.seqs))

    async def test_a_node_without_a_way_publishes_without_waiting(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_site() as site, site.node("here") as here:
            site.cut("here")
            await self.until_away(here)
            inbox = Inbox()
            with here.subscribe(inbox):
                for seq in range(1, 50_001):
                    here.publish([envelope(seq)])
            assert len(inbox.seqs) == 50_000
            assert (await here.health())["waiting"] <= 10_000

    async def test_closing_says_what_was_published_last(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_site() as site, site.node("there") as there:
            heard = Inbox()
            with there.subscribe(heard):
                async with site.node("here") as here:
                    here.publish([envelope(seq) for seq in range(1, 101)])
                async with site.node("here") as here:
                    here.publish([envelope(101)])
                    await trio.testing.wait_all_tasks_blocked()  # now it is on its way, and not there yet
                await self.until(lambda: len(heard.seqs) >= 101)
            assert heard.seqs == list(range(1, 102))

    async def test_a_node_that_is_cut_off_closes_at_once(self, trio_clock: trio.abc.Clock | None) -> None:
        async with self.open_site() as site:
            async with site.node("here") as here:
                site.freeze("here")
                here.publish([envelope(1)])
                began = trio.current_time()
            assert trio.current_time() - began < 5
            site.mend("here")

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this is so."""
        with trio.fail_after(self.patience):
            while not true():  # noqa: ASYNC110  # a bus has nothing that could wake a test
                await trio.sleep(0.005)

    async def until_back(self, bus: Bus) -> None:
        """Wait until the node has its way to the others."""
        await self._until_connected(bus, True)

    async def until_away(self, bus: Bus) -> None:
        """Wait until the node has noticed that it has none."""
        await self._until_connected(bus, False)

    async def _until_connected(self, bus: Bus, wanted: bool) -> None:
        with trio.fail_after(self.patience):
            while (await bus.health())["connected"] is not wanted:  # noqa: ASYNC110  # as above
                await trio.sleep(0.005)
