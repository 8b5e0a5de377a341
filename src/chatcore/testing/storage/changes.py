"""Edits, deletions and reactions."""

import attrs
import pytest

from chatcore.errors import NotFound
from chatcore.events import Mentioned, MessageReceived, MessageUpdated, ReactionAdded
from chatcore.ids import MessageId
from chatcore.model import Message, Reaction, ReactionSummary, User, card_of
from chatcore.ports import Deletion, Tx
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.posting import upload
from chatcore.testing.storage.town import Town
from chatcore.testing.values import later, new_id


async def edit(town: Town, message: Message, text: str) -> None:
    """Change a text, with its event."""
    event = MessageUpdated(
        workspace_id=town.workspace.id,
        channel_id=message.channel_id,
        message_id=message.id,
        content=text,
        edited_at=later(60),
    )

    async def work(tx: Tx) -> None:
        await tx.messages.edit(message.id, text, (town.ben.id,), True, later(60))
        await tx.events.append(event)

    await town.storage.write(work)


async def get(town: Town, message_id: MessageId) -> Message | None:
    """The message as it is now."""
    return await town.storage.read(lambda tx: tx.messages.get(message_id))


async def react(town: Town, message: Message, user: User, emoji: str, seconds: float = 0) -> bool:
    """Add a reaction."""
    reaction = Reaction(message_id=message.id, user_id=user.id, emoji=emoji, created_at=later(seconds))
    return await town.storage.write(lambda tx: tx.messages.react(reaction))


class ChangeTests(StorageTests):
    async def test_an_edit_changes_the_text_and_nothing_else(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann, "befor", mentions=(town.cleo.id,))
            await edit(town, sent, "before")
            assert await get(town, sent.id) == attrs.evolve(
                sent, content="before", mentions=(town.ben.id,), mentions_all=True, edited_at=later(60)
            )

    async def test_editing_what_is_not_there(self) -> None:
        async with self.town() as town:
            with pytest.raises(NotFound):
                await town.storage.write(lambda tx: tx.messages.edit(new_id(MessageId), "x", (), False, START))

    async def test_a_deleted_message_is_gone(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            file = await upload(town, town.ann)
            victim = await town.say(town.ann, "secret", attachment_ids=(file.id,))
            await react(town, victim, town.ben, "👍")
            assert await town.delete(victim.id) == Deletion(message_seq=victim.seq, mentioned=())
            assert await get(town, victim.id) is None
            assert await town.storage.read(lambda tx: tx.attachments.get(file.id)) is None
            assert await town.storage.read(lambda tx: tx.messages.emojis(victim.id)) == set()
            assert (await town.page()).messages == (sent,)

    async def test_deleting_what_is_not_there(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            await town.delete(sent.id)
            for message_id in (sent.id, new_id(MessageId)):
                with pytest.raises(NotFound):
                    await town.delete(message_id)

    async def test_deleting_a_reply_corrects_the_count(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann)
            reply = await town.say(town.ben, thread_id=root.id)
            await town.say(town.cleo, thread_id=root.id)
            await town.delete(reply.id)
            found = await get(town, root.id)
            assert found is not None
            assert found.thread_reply_count == 1

    async def test_replies_go_with_their_root(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann)
            replies = [await town.say(town.ben, thread_id=root.id) for _ in range(3)]
            await town.delete(root.id)
            for reply in replies:
                assert await get(town, reply.id) is None

    async def test_a_deletion_tells_whom_the_messages_mentioned_when_sent(self) -> None:
        async with self.town() as town:
            root = await town.say(town.ann, mentions=(town.ben.id, town.cleo.id))
            quiet = await town.say(town.ben, thread_id=root.id)
            loud = await town.say(town.cleo, thread_id=root.id, mentions=(town.ann.id,), mentions_all=True)
            await town.storage.write(lambda tx: tx.messages.edit(root.id, "no one", (), False, START))
            deletion = await town.delete(root.id)
            assert deletion.message_seq == root.seq
            assert quiet.seq not in {mentioned.seq for mentioned in deletion.mentioned}
            assert [_sorted(mentioned) for mentioned in deletion.mentioned] == [
                _sorted(Mentioned(seq=root.seq, author_id=town.ann.id, user_ids=(town.ben.id, town.cleo.id))),
                Mentioned(seq=loud.seq, author_id=town.cleo.id, user_ids=(town.ann.id,), everyone=True),
            ]

    async def test_the_log_forgets_the_text_of_deleted_messages(self) -> None:
        async with self.town() as town:
            file = await upload(town, town.ann)
            root = await town.say(
                town.ann, "secret root", mentions=(town.ben.id,), attachments=(file,), attachment_ids=(file.id,)
            )
            reply = await town.say(town.ben, "secret reply", thread_id=root.id)
            kept = await town.say(town.ben, "public")
            for message in (root, reply, kept):
                await edit(town, message, f"edited {message.content}")
            added = ReactionAdded(
                workspace_id=town.workspace.id,
                channel_id=town.channel.id,
                message_id=root.id,
                emoji="👍",
                user_id=town.ben.id,
                user=card_of(town.ben),
            )
            reaction = await town.storage.write(lambda tx: tx.events.append(added))
            await town.delete(root.id)
            log = await town.log(root.seq - 1)
            assert not any(b"secret" in envelope.data for envelope in log)
            assert [envelope.event for envelope in log[:2]] == [_blank(town, root), _blank(town, reply)]
            assert [(e.type, e.seq) for e in log[2:]] == [
                ("message_received", kept.seq),
                ("message_updated", reaction - 1),
                ("reaction_added", reaction),
            ]

    async def test_a_temp_id_is_free_again_when_its_message_is_gone(self) -> None:
        async with self.town() as town:
            first = await town.send(town.ann, temp_id="t")
            await town.delete(first.message.id)
            again = await town.send(town.ann, temp_id="t")
            assert not again.duplicate

    async def test_reactions_are_summed_up_in_their_order(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            assert await react(town, sent, town.cleo, "🎉", 3)
            assert await react(town, sent, town.ben, "👍", 2)
            assert await react(town, sent, town.ann, "🎉", 1)
            found = await get(town, sent.id)
            assert found is not None
            assert found.reactions == (
                ReactionSummary(emoji="🎉", count=2, users=(town.cleo.id, town.ann.id)),
                ReactionSummary(emoji="👍", count=1, users=(town.ben.id,)),
            )
            assert (await town.page()).messages == (found,)
            assert await town.storage.read(lambda tx: tx.messages.emojis(sent.id)) == {"🎉", "👍"}

    async def test_a_reaction_counts_once(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            assert await react(town, sent, town.ben, "👍")
            assert not await react(town, sent, town.ben, "👍")
            assert await town.storage.write(lambda tx: tx.messages.unreact(sent.id, town.ben.id, "👍"))
            assert not await town.storage.write(lambda tx: tx.messages.unreact(sent.id, town.ben.id, "👍"))
            assert await get(town, sent.id) == sent

    async def test_reacting_to_what_is_not_there(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            await town.delete(sent.id)
            with pytest.raises(NotFound):
                await react(town, sent, town.ben, "👍")

    async def test_an_author_s_new_face_is_on_their_old_messages(self) -> None:
        async with self.town() as town:
            sent = await town.say(town.ann)
            renamed = attrs.evolve(town.ann, display_name="Ann of Green Gables", avatar_url="/a.png")
            await town.storage.write(lambda tx: tx.users.update(renamed))
            found = await get(town, sent.id)
            assert found is not None
            assert found.user == card_of(renamed)


def _blank(town: Town, message: Message) -> MessageReceived:
    """The event of a message that was deleted since."""
    bare = attrs.evolve(message, content="", attachments=())
    return MessageReceived(workspace_id=town.workspace.id, seq=message.seq, message=bare)


def _sorted(mentioned: Mentioned) -> Mentioned:
    return attrs.evolve(mentioned, user_ids=tuple(sorted(mentioned.user_ids)))
