"""The event log: positions, replay, trimming; and clocks that jump."""

import pytest

from chatcore.errors import NotFound
from chatcore.events import Audience, MemberLeft, ReadUpdated, Scope
from chatcore.ids import WorkspaceId
from chatcore.model import Position
from chatcore.testing.clock import FakeClock
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import found_town
from chatcore.testing.values import later, make_workspace, new_id

WEEK = 7 * 86_400
FAR = 10 * 365 * 86_400


class EventLogTests(StorageTests):
    async def test_position_is_that_of_the_newest_event(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            position = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
            assert position == Position(epoch=town.storage.epoch, seq=sent.seq)

    async def test_a_new_workspace_stands_at_the_beginning(self) -> None:
        async with self.town() as town:
            workspace = make_workspace(town.ann.id)
            await town.storage.write(lambda tx: tx.workspaces.insert(workspace))
            position = await town.storage.read(lambda tx: tx.events.position(workspace.id))
            assert position == Position(epoch=town.storage.epoch, seq=0)
            assert await town.storage.read(lambda tx: tx.events.oldest(workspace.id)) == 0
            assert await town.storage.read(lambda tx: tx.events.since(workspace.id, 0, limit=10)) == []

    async def test_positions_of_many_workspaces(self) -> None:
        async with self.town() as town:
            workspace = make_workspace(town.ann.id)
            await town.storage.write(lambda tx: tx.workspaces.insert(workspace))
            sent = await town.say(town.ann)
            asked = [town.workspace.id, workspace.id, new_id(WorkspaceId)]
            positions = await town.storage.read(lambda tx: tx.events.positions(asked))
            assert positions == {town.workspace.id: sent.seq, workspace.id: 0}
            assert await town.storage.read(lambda tx: tx.events.positions([])) == {}

    async def test_a_workspace_that_is_not_there(self) -> None:
        async with self.town() as town:
            nowhere = new_id(WorkspaceId)
            event = MemberLeft(workspace_id=nowhere, user_id=town.ann.id)
            with pytest.raises(NotFound):
                await town.storage.read(lambda tx: tx.events.position(nowhere))
            with pytest.raises(NotFound):
                await town.storage.write(lambda tx: tx.events.append(event))

    async def test_workspaces_count_for_themselves(self) -> None:
        async with self.town() as town:
            workspace = make_workspace(town.ann.id)
            await town.storage.write(lambda tx: tx.workspaces.insert(workspace))
            event = MemberLeft(workspace_id=workspace.id, user_id=town.ann.id)
            assert await town.storage.write(lambda tx: tx.events.append(event)) == 1
            (logged,) = await town.storage.read(lambda tx: tx.events.since(workspace.id, 0, limit=10))
            assert logged.event == MemberLeft(workspace_id=workspace.id, user_id=town.ann.id, seq=1)
            assert all(envelope.workspace_id == town.workspace.id for envelope in await town.log())

    async def test_replay_goes_page_by_page(self) -> None:
        async with self.town() as town:
            said = [await town.say(town.ann, str(number)) for number in range(10)]
            start = said[0].seq - 1
            first = await town.log(start, limit=4)
            assert [envelope.seq for envelope in first] == [message.seq for message in said[:4]]
            rest = await town.log(first[-1].seq)
            assert [envelope.seq for envelope in rest] == [message.seq for message in said[4:]]
            assert await town.log(said[-1].seq) == []
            assert await town.log(said[-1].seq + 1000) == []

    async def test_audiences_come_back_as_they_were(self) -> None:
        async with self.town() as town:
            read = ReadUpdated(
                workspace_id=town.workspace.id,
                user_id=town.ann.id,
                channel_id=town.channel.id,
                read_seq=1,
                unread_count=0,
                mention_count=0,
            )
            left = MemberLeft(workspace_id=town.workspace.id, user_id=town.ben.id)
            first = await town.storage.write(lambda tx: tx.events.append(read))
            await town.storage.write(lambda tx: tx.events.append(left))
            assert [envelope.audience for envelope in await town.log(first - 1)] == [
                Audience(Scope.USER, town.channel.id, town.ann.id),
                Audience(Scope.WORKSPACE, None, town.ben.id),
            ]

    async def test_trimming_forgets_the_beginning(self) -> None:
        clock = FakeClock()
        async with self.open_storage(clock) as storage:
            town = await found_town(storage)
            old = await town.say(town.ann, "old")
            clock.jump(WEEK)
            young = await town.say(town.ann, "young")
            assert await storage.write(lambda tx: tx.events.trim(later(WEEK / 2))) == old.seq
            assert await storage.read(lambda tx: tx.events.oldest(town.workspace.id)) == old.seq
            assert [envelope.seq for envelope in await town.log()] == [young.seq]
            assert await storage.write(lambda tx: tx.events.trim(later(WEEK / 2))) == 0

    async def test_trimming_everything_keeps_the_position(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            await town.storage.write(lambda tx: tx.events.trim(later(FAR)))
            assert await town.log() == []
            assert await town.storage.read(lambda tx: tx.events.oldest(town.workspace.id)) == sent.seq
            assert (await town.say(town.ann)).seq == sent.seq + 1
            assert len((await town.page()).messages) == 2

    async def test_deletions_do_not_shorten_the_log(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            await town.delete(sent.id)
            assert await town.storage.read(lambda tx: tx.events.oldest(town.workspace.id)) == 0

    async def test_order_holds_while_the_clock_jumps(self) -> None:
        clock = FakeClock()
        async with self.open_storage(clock) as storage:
            town = await found_town(storage)
            said = []
            for jump in (0, -3600, 7200, -86_400, 0):
                clock.jump(jump)
                said.append(await town.say(town.ann, f"jump {jump}", created_at=clock.now()))
            assert [message.seq for message in said] == list(range(said[0].seq, said[0].seq + 5))
            assert (await town.page()).messages == tuple(reversed(said))
            assert [envelope.seq for envelope in await town.log(said[0].seq - 1)] == [message.seq for message in said]
