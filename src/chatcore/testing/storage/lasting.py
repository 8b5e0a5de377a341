"""What lasts: across closing and opening, and between two that are open at once."""

import trio

from chatcore.testing.clock import FakeClock
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town, found_town


class LastingTests(StorageTests):
    async def test_what_was_written_is_there_after_opening_again(self) -> None:
        self.needs_durable()
        async with self.open_storage(FakeClock()) as storage:
            town = await found_town(storage)
            epoch = storage.epoch
            said = [await town.say(town.ann, f"message {n}", mentions=(town.ben.id,)) for n in range(5)]
            page, counts = await town.page(), await town.counts(town.ben)
            log = await town.log()
        async with self.open_storage(FakeClock()) as storage:
            again = Town(storage, town.workspace, town.people, town.channel)
            assert storage.epoch == epoch
            assert await again.page() == page
            assert await again.counts(again.ben) == counts
            assert [(e.seq, e.data) for e in await again.log()] == [(e.seq, e.data) for e in log]
            assert (await again.say(again.ann)).seq == said[-1].seq + 1

    async def test_a_retry_after_a_restart_is_still_a_duplicate(self) -> None:
        self.needs_durable()
        async with self.open_storage(FakeClock()) as storage:
            town = await found_town(storage)
            first = await town.send(town.ann, temp_id="t")
        async with self.open_storage(FakeClock()) as storage:
            again = Town(storage, town.workspace, town.people, town.channel)
            posted = await again.send(again.ann, temp_id="t")
            assert (posted.duplicate, posted.message) == (True, first.message)

    async def test_two_that_are_open_at_once_see_each_other_s_writes(self) -> None:
        self.needs_shared()
        async with self.town() as town, self.open_storage(FakeClock()) as second:
            assert second.epoch == town.storage.epoch
            other = Town(second, town.workspace, town.people, town.channel)
            sent = await town.say(town.ann)
            assert (await other.page()).messages == (sent,)
            answer = await other.say(other.ben)
            assert (await town.page()).messages == (answer, sent)

    async def test_two_that_are_open_at_once_write_in_one_order(self) -> None:
        self.needs_shared()
        async with self.town() as town, self.open_storage(FakeClock()) as second:
            other = Town(second, town.workspace, town.people, town.channel)
            seqs: list[int] = []

            async def talk(place: Town, name: str) -> None:
                for number in range(20):
                    seqs.append((await place.say(place.ann, f"{name} {number}")).seq)

            async with trio.open_nursery() as nursery:
                for place in (town, other):
                    for name in ("one", "two", "three"):
                        nursery.start_soon(talk, place, name)
            expected = list(range(min(seqs), min(seqs) + 120))
            assert sorted(seqs) == expected
            assert [envelope.seq for envelope in await town.log(expected[0] - 1)] == expected
            assert await town.counts(town.ben) == (120, 0)

    async def test_two_that_are_open_at_once_agree_on_retries(self) -> None:
        self.needs_shared()
        async with self.town() as town, self.open_storage(FakeClock()) as second:
            other = Town(second, town.workspace, town.people, town.channel)
            fresh: list[bool] = []

            async def send(place: Town, temp_id: str) -> None:
                fresh.append(not (await place.send(place.ann, temp_id=temp_id)).duplicate)

            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(send, town, str(number))
                    nursery.start_soon(send, other, str(number))
            assert sum(fresh) == 20

    async def test_a_listener_is_told_of_its_own_node_s_commits_only(self) -> None:
        self.needs_shared()
        async with self.town() as town, self.open_storage(FakeClock()) as second:
            other = Town(second, town.workspace, town.people, town.channel)
            second.on_commit(other.heard.extend)
            await town.say(town.ann)
            assert other.heard == []
            await other.say(other.ann)
            assert len(town.heard) == len(other.heard) == 1
