"""Read markers and what is unread after them."""

import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import Forbidden, NotFound
from chatcore.events import ReadUpdated
from chatcore.ids import MessageId
from chatcore.model import ReadState, User


async def state(team: Team, user: User) -> tuple[int, int]:
    """Unread messages and mentions in the room, as the list of channels says."""
    summaries = await team.chat.channels.list(team.workspace, actor=user)
    (read,) = [one.read for one in summaries if one.channel.id == team.room.id]
    return read.unread_count, read.mention_count


async def test_what_others_say_is_unread_until_it_is_read(team: Team) -> None:
    await team.say(team.owner)
    sent = await team.say(team.owner, "Hello @channel")
    await team.say(team.owner, f"<@{team.ann.id}> <@{team.ann.id}> @here")
    assert await state(team, team.ann) == (3, 2)
    seq = await team.seq()
    read = await team.chat.reads.mark(team.room, sent, actor=team.ann)
    assert read == ReadState(
        channel_id=team.room.id,
        user_id=team.ann.id,
        message_id=sent.id,
        read_seq=sent.seq,
        unread_count=1,
        mention_count=1,
    )
    assert await state(team, team.ann) == (1, 1)
    (event,) = await team.events(seq)
    assert isinstance(event, ReadUpdated)
    assert (event.user_id, event.read_seq, event.unread_count, event.mention_count) == (team.ann.id, sent.seq, 1, 1)


async def test_a_marker_goes_back_too(team: Team) -> None:
    first = await team.say(team.owner, "@here")
    last = await team.say(team.owner)
    await team.chat.reads.mark(team.room, last, actor=team.ann)
    assert await state(team, team.ann) == (0, 0)
    await team.chat.reads.mark(team.room, first, actor=team.ann)
    assert await state(team, team.ann) == (1, 0)


async def test_who_speaks_has_read(team: Team) -> None:
    await team.say(team.owner, "@everyone")
    root = await team.say(team.owner)
    await team.say(team.ann, "a reply reads nothing", thread_id=root.id)
    assert await state(team, team.ann) == (2, 1)
    await team.say(team.ann)
    assert await state(team, team.ann) == (0, 0)
    assert (await state(team, team.owner))[0] == 1


async def test_the_same_place_again_is_no_news(team: Team) -> None:
    sent = await team.say(team.owner)
    await team.chat.reads.mark(team.room, sent, actor=team.ann)
    before = await stored(team.chat)
    await team.chat.reads.mark(team.room, sent, actor=team.ann)
    assert await stored(team.chat) == before


async def test_what_is_deleted_is_no_longer_unread(team: Team) -> None:
    sent = [await team.say(team.owner, f"<@{team.ann.id}>") for _ in range(3)]
    await team.say(team.owner, f"<@{team.ann.id}>", thread_id=sent[2].id)
    assert await state(team, team.ann) == (3, 4)
    await team.chat.reads.mark(team.room, sent[0], actor=team.ann)
    await team.chat.messages.delete(sent[0], actor=team.owner)
    assert await state(team, team.ann) == (2, 3)
    await team.chat.messages.delete(sent[2], actor=team.owner)
    assert await state(team, team.ann) == (1, 1)


async def test_who_has_no_marker(team: Team) -> None:
    sent, secret = await team.say(team.owner), await team.say(team.owner, where=team.vault)
    before = await stored(team.chat)
    for channel, message_id, actor, error in (
        (team.room, sent.id, team.ben, Forbidden),
        (team.vault, secret.id, team.ben, NotFound),
        (team.room, sent.id, team.stranger, NotFound),
        (team.room, secret.id, team.ann, NotFound),
        (team.room, MessageId(team.room.id), team.ann, NotFound),
        (team.room, MessageId("\ud800"), team.ann, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.reads.mark(channel, message_id, actor=actor)
    assert await stored(team.chat) == before


async def test_an_archived_channel_can_be_read_to_its_end(team: Team) -> None:
    sent = await team.say(team.owner)
    await team.chat.channels.archive(team.room, actor=team.owner)
    await team.chat.reads.mark(team.room, sent, actor=team.ann)
    assert await state(team, team.ann) == (0, 0)
