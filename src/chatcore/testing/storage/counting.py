"""Read markers, unread messages and mentions: compared with a model that simply counts."""

import random
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest

from chatcore.errors import NotFound
from chatcore.ids import MessageId, UserId
from chatcore.model import ChannelMember, Message, ReadState, User
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import new_id


@attrs.define
class Marker:
    """Where a member's marker stands."""

    seq: int
    message_id: MessageId | None = None


@attrs.define
class CountingModel:
    """A channel kept in the plainest way: every answer counts all messages."""

    messages: dict[MessageId, Message] = attrs.field(factory=dict)
    markers: dict[UserId, Marker] = attrs.field(factory=dict)

    def post(self, message: Message) -> None:
        """Somebody said something."""
        self.messages[message.id] = message
        if message.thread_id is None:
            self.markers[message.user_id] = Marker(message.seq, message.id)

    def delete(self, message: Message) -> None:
        """A message goes, and its replies with it."""
        for gone in [m for m in self.messages.values() if message.id in (m.id, m.thread_id)]:
            del self.messages[gone.id]

    def state(self, user_id: UserId, town: Town) -> ReadState | None:
        """What the storage must say about a person."""
        marker = self.markers.get(user_id)
        if marker is None:
            return None
        unread = [message for message in self.messages.values() if message.seq > marker.seq]
        return ReadState(
            channel_id=town.channel.id,
            user_id=user_id,
            message_id=marker.message_id,
            read_seq=marker.seq,
            unread_count=sum(message.thread_id is None for message in unread),
            mention_count=sum(
                message.user_id != user_id and (message.mentions_all or user_id in message.mentions)
                for message in unread
            ),
        )


@attrs.define
class Walk:
    """A random walk of a channel's life, taken by the storage and by the model alike."""

    town: Town
    rng: random.Random
    model: CountingModel

    async def step(self) -> None:
        """One thing happens."""
        steps: list[Callable[[], Coroutine[Any, Any, None]]] = (
            [self._post] * 5 + [self._read] * 2 + [self._delete, self._move_in]
        )
        await self.rng.choice(steps)()

    async def check(self) -> None:
        """Both must agree on everybody."""
        for person in self.town.people:
            assert await self.town.state(person) == self.model.state(person.id, self.town)

    async def _post(self) -> None:
        author = self.rng.choice([person for person in self.town.people if person.id in self.model.markers])
        roots = [message.id for message in self.model.messages.values() if message.thread_id is None]
        others = self.rng.sample(self.town.people, self.rng.choice([0, 0, 1, 2]))
        self.model.post(
            await self.town.say(
                author,
                thread_id=self.rng.choice(roots) if roots and self.rng.random() < 0.4 else None,
                mentions=tuple(person.id for person in others),
                mentions_all=self.rng.random() < 0.2,
            )
        )

    async def _read(self) -> None:
        if not self.model.messages:
            return
        person, message = self.rng.choice(self.town.people), self.rng.choice([*self.model.messages.values()])
        moved = await self.town.mark(person, message.id)
        if person.id in self.model.markers:
            self.model.markers[person.id] = Marker(message.seq, message.id)
        assert moved == self.model.state(person.id, self.town)

    async def _delete(self) -> None:
        if not self.model.messages:
            return
        message = self.rng.choice([*self.model.messages.values()])
        await self.town.delete(message.id)
        self.model.delete(message)

    async def _move_in(self) -> None:
        """Somebody leaves, or comes back, for whom everything before is read."""
        person = self.rng.choice(self.town.people[1:])
        if self.model.markers.pop(person.id, None) is not None:
            await self.town.storage.write(lambda tx: tx.channel_members.delete(self.town.channel.id, person.id))
            return
        self.model.markers[person.id] = Marker(await join(self.town, person))


async def join(town: Town, person: User) -> int:
    """Somebody joins the channel for whom everything until now is read; returns the seq of now."""
    member = ChannelMember(channel_id=town.channel.id, user_id=person.id, joined_at=START)
    seq = (await town.storage.read(lambda tx: tx.events.position(town.workspace.id))).seq
    assert await town.storage.write(lambda tx: tx.channel_members.join(member, seq))
    return seq


class CountingTests(StorageTests):
    async def test_others_messages_are_unread_and_one_s_own_are_not(self) -> None:
        async with self.town() as town:
            await town.say(town.ann)
            await town.say(town.ann)
            assert await town.counts(town.ben) == (2, 0)
            assert await town.counts(town.ann) == (0, 0)
            await town.say(town.ben)
            assert await town.counts(town.ben) == (0, 0)
            assert await town.counts(town.ann) == (1, 0)

    async def test_replies_are_not_unread_but_mention(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann)
            await town.say(town.ben, thread_id=root.id, mentions=(town.ann.id,))
            assert await town.counts(town.ann) == (0, 1)
            assert await town.counts(town.ben) == (1, 0)

    async def test_everyone_is_everyone_but_the_author(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann, mentions_all=True, mentions=(town.ben.id,))
            await town.say(town.ann, thread_id=root.id, mentions_all=True)
            assert await town.counts(town.ann) == (0, 0)
            assert await town.counts(town.ben) == (1, 2)
            assert await town.counts(town.cleo) == (1, 2)

    async def test_sending_reads_what_was_there(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, mentions=(town.ben.id,))
            sent = await town.say(town.ben)
            state = await town.state(town.ben)
            assert state is not None
            assert (state.message_id, state.read_seq, state.mention_count) == (sent.id, sent.seq, 0)

    async def test_who_joins_has_read_everything(self) -> None:
        async with self.town(people=4) as town:
            newcomer = town.people[3]
            await town.storage.write(lambda tx: tx.channel_members.delete(town.channel.id, newcomer.id))
            await town.say(town.ann, mentions=(newcomer.id,), mentions_all=True)
            seq = await join(town, newcomer)
            assert await town.state(newcomer) == ReadState(
                channel_id=town.channel.id, user_id=newcomer.id, read_seq=seq
            )
            await town.say(town.ann, mentions=(newcomer.id,))
            assert await town.counts(newcomer) == (1, 1)

    async def test_joining_twice_changes_nothing(self) -> None:
        async with self.town() as town:
            await town.say(town.ann)
            member = ChannelMember(channel_id=town.channel.id, user_id=town.ben.id, joined_at=START)
            assert not await town.storage.write(lambda tx: tx.channel_members.join(member, 10_000))
            assert await town.counts(town.ben) == (1, 0)

    async def test_markers_move_both_ways(self) -> None:
        async with self.town() as town:
            said = [await town.say(town.ann, mentions=(town.ben.id,)) for _ in range(5)]
            for index in (4, 0, 2, 1):
                state = await town.mark(town.ben, said[index].id)
                assert state == ReadState(
                    channel_id=town.channel.id,
                    user_id=town.ben.id,
                    message_id=said[index].id,
                    read_seq=said[index].seq,
                    unread_count=4 - index,
                    mention_count=4 - index,
                )

    async def test_the_marker_of_nobody(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("bens", town.ben)
            sent = await town.say(town.ben, channel=channel)
            assert await town.state(town.ann, channel) is None
            assert await town.storage.write(lambda tx: tx.reads.move(channel.id, town.ann.id, sent.id)) is None

    async def test_a_marker_needs_a_message_of_the_channel(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("bens", town.ben)
            elsewhere = await town.say(town.ben, channel=channel)
            for message_id in (elsewhere.id, new_id(MessageId)):
                with pytest.raises(NotFound):
                    await town.mark(town.ben, message_id)

    async def test_lists_show_the_same_counts(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", *town.people)
            await town.say(town.ann, mentions=(town.ben.id,))
            await town.say(town.ann, channel=other)
            await town.say(town.ann, channel=other)
            lines = await town.storage.read(
                lambda tx: tx.channels.summaries(town.workspace.id, town.ben.id, public=False)
            )
            assert [(line.channel.name, line.read.unread_count, line.read.mention_count) for line in lines] == [
                ("general", 1, 1),
                ("other", 2, 0),
            ]
            (summary,) = await town.storage.read(lambda tx: tx.workspaces.of_user(town.ben.id))
            assert summary.unread_count == 3

    @pytest.mark.parametrize("seed", range(12))
    async def test_counts_are_those_of_a_model_that_counts(self, seed: int) -> None:
        async with self.town(people=4) as town:
            walk = Walk(town, random.Random(seed), CountingModel())
            for person in town.people:
                state = await town.state(person)
                assert state is not None
                walk.model.markers[person.id] = Marker(state.read_seq)
            for _ in range(60):
                await walk.step()
                await walk.check()
