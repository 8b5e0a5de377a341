"""Reactions."""

import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import ReactionAdded, ReactionRemoved
from chatcore.service.reactions import MAX_EMOJIS


async def test_reactions_come_and_go(team: Team) -> None:
    sent = await team.say(team.ann)
    seq = await team.seq()
    await team.chat.reactions.add(sent, "👍", actor=team.owner)
    reacted = await team.chat.reactions.add(sent, "👍", actor=team.ann)
    assert [(one.emoji, one.count, one.users) for one in reacted.reactions] == [("👍", 2, (team.owner.id, team.ann.id))]
    left = await team.chat.reactions.remove(sent, "👍", actor=team.owner)
    assert [(one.emoji, one.count, one.users) for one in left.reactions] == [("👍", 1, (team.ann.id,))]
    assert left == await team.chat.messages.get(sent, actor=team.guest)
    happened = await team.events(seq)
    assert [type(event) for event in happened] == [ReactionAdded, ReactionAdded, ReactionRemoved]


async def test_the_same_again_is_no_news(team: Team) -> None:
    sent = await team.say(team.ann)
    reacted = await team.chat.reactions.add(sent, ":+1:", actor=team.ann)
    before = await stored(team.chat)
    assert await team.chat.reactions.add(sent, ":+1:", actor=team.ann) == reacted
    assert await team.chat.reactions.remove(sent, ":-1:", actor=team.ann) == reacted
    assert await team.chat.reactions.remove(sent, ":+1:", actor=team.owner) == reacted
    assert await stored(team.chat) == before


@pytest.mark.parametrize("emoji", ["", "a", "👍👍", "thumbs", ":UP:", "x" * 100_000, "\ud83d", "👍\x00", "<b>"])
async def test_what_is_no_emoji(team: Team, emoji: str) -> None:
    sent = await team.say(team.ann)
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed):
        await team.chat.reactions.add(sent, emoji, actor=team.ann)
    with pytest.raises(ValidationFailed):
        await team.chat.reactions.remove(sent, emoji, actor=team.ann)
    assert await stored(team.chat) == before


async def test_a_message_has_so_many_and_no_more(team: Team) -> None:
    sent = await team.say(team.ann)
    for number in range(MAX_EMOJIS):
        await team.chat.reactions.add(sent, f":e{number}:", actor=team.ann)
    with pytest.raises(ValidationFailed, match="at most"):
        await team.chat.reactions.add(sent, ":more:", actor=team.ann)
    reacted = await team.chat.reactions.add(sent, ":e1:", actor=team.owner)
    assert len(reacted.reactions) == MAX_EMOJIS


async def test_who_does_not_react(team: Team) -> None:
    sent, secret = await team.say(team.ann), await team.say(team.ann, where=team.vault)
    await team.chat.reactions.add(sent, "👍", actor=team.ann)
    gone = await team.say(team.ann)
    await team.chat.messages.delete(gone, actor=team.ann)
    before = await stored(team.chat)
    for message, actor, error in (
        (sent, team.ben, Forbidden),
        (sent, team.stranger, NotFound),
        (secret, team.ben, NotFound),
        (secret, team.guest, NotFound),
        (gone, team.ann, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.reactions.add(message, "👍", actor=actor)
        with pytest.raises(error):
            await team.chat.reactions.remove(message, "👍", actor=actor)
    assert await stored(team.chat) == before


async def test_some_are_offered_first(team: Team) -> None:
    presets = await team.chat.reactions.presets()
    assert presets
    assert [preset.sort_order for preset in presets] == sorted(preset.sort_order for preset in presets)
    sent = await team.say(team.ann)
    for preset in presets:
        await team.chat.reactions.add(sent, preset.emoji, actor=team.ann)
