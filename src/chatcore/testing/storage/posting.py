"""Sending: the one operation that everything waits for."""

import attrs
import pytest
import trio

from chatcore.errors import Forbidden, NotFound
from chatcore.ids import AttachmentId, ChannelId, MessageId, UserId
from chatcore.model import Attachment, Message, MessageKind, User
from chatcore.ports import Posted
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import make_channel, make_post, new_id


async def upload(town: Town, owner: User, workspace_id: str | None = None) -> Attachment:
    """A file of somebody that hangs on no message yet."""
    attachment = Attachment(
        id=new_id(AttachmentId),
        workspace_id=town.workspace.id,
        filename="f.png",
        original_filename="Foto.png",
        mime_type="image/png",
        size=12,
        url="/files/f.png",
        uploaded_by=UserId(owner.id),
        created_at=START,
    )
    await town.storage.write(lambda tx: tx.attachments.insert(attachment))
    return attachment


class PostingTests(StorageTests):
    async def test_a_message_is_read_as_it_was_sent(self) -> None:
        async with self.town() as town:
            sent = await town.say(
                town.ann, "Grüße 👋 <b>&", temp_id="c0ffee", mentions=(town.ben.id, town.cleo.id), mentions_all=True
            )
            assert sent.seq > 0
            assert await town.storage.read(lambda tx: tx.messages.get(sent.id)) == sent
            assert (await town.page()).messages == (sent,)

    async def test_a_message_that_no_person_wrote_says_so(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann, "A huddle ended.", kind=MessageKind.HUDDLE)
            assert sent.kind is MessageKind.HUDDLE
            assert await town.storage.read(lambda tx: tx.messages.get(sent.id)) == sent

    async def test_its_envelope_gets_its_place_and_keeps_its_data(self) -> None:
        async with self.town() as town:
            post = make_post(town.channel, town.ann)
            data = post.envelope.data
            posted = await town.storage.post(post)
            (envelope,) = town.heard
            assert (envelope.seq, envelope.epoch) == (posted.message.seq, town.storage.epoch)
            assert envelope.data == data
            (logged,) = await town.log(posted.message.seq - 1)
            assert logged.data == data
            assert logged.event == envelope.event

    async def test_the_place_is_the_next_one(self) -> None:
        async with self.town() as town:
            before = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
            first = await town.say(town.ann)
            second = await town.say(town.ben)
            after = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
            assert (first.seq, second.seq, after.seq) == (before.seq + 1, before.seq + 2, before.seq + 2)

    async def test_nobody_sends_to_a_channel_that_is_not_there(self) -> None:
        async with self.town() as town:
            await self._refused(town, NotFound, channel=make_channel(town.workspace, "nowhere"))

    async def test_nobody_sends_to_an_archived_channel(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("old", *town.people)
            archived = attrs.evolve(channel, archived_at=START)
            await town.storage.write(lambda tx: tx.channels.update(archived))
            await self._refused(town, Forbidden, channel=archived)

    async def test_nobody_sends_to_a_channel_without_being_in_it(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("bens", town.ben)
            await self._refused(town, Forbidden, channel=channel)

    async def test_nobody_answers_what_is_no_thread(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", *town.people)
            elsewhere = await town.say(town.ann, channel=other)
            root = await town.say(town.ann)
            reply = await town.say(town.ann, thread_id=root.id)
            for thread_id in (new_id(MessageId), elsewhere.id, reply.id):
                await self._refused(town, NotFound, thread_id=thread_id)

    async def test_nobody_attaches_what_is_not_theirs_to_attach(self) -> None:
        async with self.town() as town:
            used = await upload(town, town.ann)
            await town.say(town.ann, attachment_ids=(used.id,))
            of_ben = await upload(town, town.ben)
            free = await upload(town, town.ann)
            for ids in ((new_id(AttachmentId),), (used.id,), (of_ben.id,), (free.id, of_ben.id)):
                await self._refused(town, NotFound, attachment_ids=ids)
            await town.say(town.ann, attachment_ids=(free.id,))

    async def test_attachments_hang_on_their_message_in_order(self) -> None:
        async with self.town() as town:
            files = [await upload(town, town.ann) for _ in range(3)]
            ids = tuple(file.id for file in reversed(files))
            sent = await town.say(town.ann, attachment_ids=ids)
            found = await town.storage.read(lambda tx: tx.messages.get(sent.id))
            assert found is not None
            assert found.attachments == tuple(attrs.evolve(file, message_id=sent.id) for file in reversed(files))

    async def test_replies_are_counted(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann)
            for _ in range(3):
                await town.say(town.ben, thread_id=root.id)
            found = await town.storage.read(lambda tx: tx.messages.get(root.id))
            assert found is not None
            assert found.thread_reply_count == 3

    async def test_a_retry_returns_the_first_message(self) -> None:
        async with self.town() as town:
            first = await town.send(town.ann, "once", temp_id="t")
            again = await town.send(town.ann, "twice", temp_id="t")
            assert again == Posted(message=first.message, duplicate=True)
            assert len(town.heard) == 1
            assert (await town.page()).messages == (first.message,)

    async def test_retries_at_once_are_one_message(self) -> None:
        async with self.town() as town:
            results: list[Posted] = []

            async def send() -> None:
                results.append(await town.send(town.ann, "once", temp_id="t"))

            async with trio.open_nursery() as nursery:
                for _ in range(40):
                    nursery.start_soon(send)
            assert sum(not posted.duplicate for posted in results) == 1
            assert len({posted.message.id for posted in results}) == 1
            assert len(town.heard) == 1
            assert len((await town.page()).messages) == 1

    async def test_a_temp_id_is_the_author_s_in_one_channel(self) -> None:
        async with self.town() as town:
            other = await town.open_channel("other", *town.people)
            posts = [
                await town.send(town.ann, temp_id="t"),
                await town.send(town.ben, temp_id="t"),
                await town.send(town.ann, temp_id="t", channel=other),
                await town.send(town.ann),
                await town.send(town.ann),
            ]
            assert not any(posted.duplicate for posted in posts)

    async def test_a_retry_still_works_when_the_channel_was_archived(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("soon-old", *town.people)
            first = await town.send(town.ann, temp_id="t", channel=channel)
            await town.storage.write(lambda tx: tx.channels.update(attrs.evolve(channel, archived_at=START)))
            again = await town.send(town.ann, temp_id="t", channel=channel)
            assert again == Posted(message=first.message, duplicate=True)

    async def test_bad_posts_do_not_hurt_their_neighbours(self) -> None:
        async with self.town() as town:
            channels = [make_channel(town.workspace, "nowhere"), await town.open_channel("bens", town.ben)]
            bad: list[dict[str, object]] = [
                {"channel": channels[0]},
                {"channel": channels[1]},
                {"thread_id": new_id(MessageId)},
                {"attachment_ids": (new_id(AttachmentId),)},
                {"content": ""},
                {"content": "x" * 4001},
            ]
            town.heard.clear()
            sent: list[Message] = []
            refused: list[Exception] = []

            async def send(number: int) -> None:
                options: dict[str, object] = {"content": f"message {number}"}
                if number % 2:
                    options |= bad[number // 2 % len(bad)]
                try:
                    sent.append((await town.send(town.ann, **options)).message)  # type: ignore[arg-type]  # by name
                except Exception as error:
                    refused.append(error)

            async with trio.open_nursery() as nursery:
                for number in range(60):
                    nursery.start_soon(send, number)
            assert len(sent) == len(refused) == 30
            assert {message.content for message in sent} == {f"message {number}" for number in range(0, 60, 2)}
            assert {message.id for message in (await town.page()).messages} == {message.id for message in sent}
            assert sorted(message.seq for message in sent) == [envelope.seq for envelope in town.heard]

    async def test_messages_of_many_channels_keep_one_order(self) -> None:
        async with self.town() as town:
            channels = [await town.open_channel(f"room-{n}", *town.people) for n in range(7)]
            town.heard.clear()
            seqs: dict[ChannelId, list[int]] = {channel.id: [] for channel in channels}

            async def send(number: int) -> None:
                channel = channels[number % len(channels)]
                seqs[channel.id].append((await town.say(town.people[number % 3], channel=channel)).seq)

            async with trio.open_nursery() as nursery:
                for number in range(100):
                    nursery.start_soon(send, number)
            given = sorted(seq for found in seqs.values() for seq in found)
            assert given == [envelope.seq for envelope in town.heard]
            for channel in channels:
                page = await town.page(channel)
                assert [message.seq for message in page.messages] == sorted(seqs[channel.id], reverse=True)

    async def _refused(self, town: Town, error: type[Exception], **options: object) -> None:
        """Such a post raises `error`, and leaves nothing behind."""
        heard = len(town.heard)
        before = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
        with pytest.raises(error):
            await town.send(town.ann, **options)  # type: ignore[arg-type]  # by name
        assert len(town.heard) == heard
        assert await town.storage.read(lambda tx: tx.events.position(town.workspace.id)) == before
