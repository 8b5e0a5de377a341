"""Typing indicators."""

import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import Forbidden, NotFound
from chatcore.events import Typing


async def test_it_is_said_and_forgotten(team: Team) -> None:
    before = await stored(team.chat)
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        await team.chat.typing.set(team.room, True, actor=team.ann)
        event = await anext(events)
        assert isinstance(event, Typing)
        assert (event.channel_id, event.user_id, event.user.display_name, event.is_typing, event.seq) == (
            team.room.id,
            team.ann.id,
            "Ann",
            True,
            0,
        )
    assert await stored(team.chat) == before


async def test_who_is_not_there_does_not_type(team: Team) -> None:
    for channel, actor, error in (
        (team.room, team.ben, Forbidden),
        (team.vault, team.ben, NotFound),
        (team.general, team.stranger, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.typing.set(channel, True, actor=actor)
