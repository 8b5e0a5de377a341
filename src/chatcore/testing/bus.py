"""The promises of `chatcore.ports.bus`, as a suite that every bus must pass."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, ExitStack

import pytest

from chatcore.events import EVERYONE
from chatcore.ids import WorkspaceId
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
