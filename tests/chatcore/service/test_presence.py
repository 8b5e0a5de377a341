"""Presence, as the members of a workspace are told of it."""

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import Team, make_team

from chatcore import open_chat
from chatcore.errors import NotFound, Rejected
from chatcore.events import MemberJoined, PresenceUpdate
from chatcore.hooks import Reject, hookimpl
from chatcore.model import Presence, PresenceStatus
from chatcore.testing.clock import FakeClock

ONLINE, AWAY, OFFLINE = PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.OFFLINE


async def shown(team: Team) -> dict[str, PresenceStatus]:
    """Who is not offline, by name."""
    names = {card.user_id: card.display_name for card in await team.chat.members.list(team.workspace, actor=team.owner)}
    known = await team.chat.presence.list(team.workspace, actor=team.owner)
    assert [one.user_id for one in known] == sorted(one.user_id for one in known)
    assert len(known) == 5
    return {names[one.user_id]: one.status for one in known if one.status is not OFFLINE}


async def test_devices_come_and_go(team: Team, autojump_clock: trio.testing.MockClock) -> None:
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        await team.chat.presence.connect(team.ann, "laptop")
        assert await shown(team) == {"Ann": ONLINE}
        await team.chat.presence.update(team.ann, "laptop", AWAY)
        assert await shown(team) == {"Ann": AWAY}
        await team.chat.presence.disconnect(team.ann, "laptop")
        await trio.sleep(60)
        assert await shown(team) == {}
        told = [await anext(events) for _ in range(3)]
    assert [(event.user_id, event.status) for event in told if isinstance(event, PresenceUpdate)] == [
        (team.ann.id, ONLINE),
        (team.ann.id, AWAY),
        (team.ann.id, OFFLINE),
    ]


async def test_only_members_are_told_and_listed(team: Team) -> None:
    await team.chat.presence.connect(team.stranger, "laptop")
    assert await shown(team) == {}
    with pytest.raises(NotFound):
        await team.chat.presence.list(team.workspace, actor=team.stranger)
    with pytest.raises(NotFound):
        async with team.chat.subscribe(team.stranger, team.workspace):
            pass


async def test_who_joins_while_they_are_there_is_told_to_be_there(team: Team) -> None:
    await team.chat.presence.connect(team.stranger, "laptop")
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        await team.chat.members.add(team.workspace, team.stranger)
        told = [await anext(events) for _ in range(4)]
    assert [type(event) for event in told[:2]] == [MemberJoined, MemberJoined]
    assert {(event.user_id, event.status) for event in told if isinstance(event, PresenceUpdate)} == {
        (team.stranger.id, ONLINE)
    }


class Shy:
    """Nobody is away."""

    name = "shy"

    @hookimpl
    async def presence_will_change(self, presence: Presence) -> None:
        if presence.status is AWAY:
            raise Reject("shy", "Nobody is away here.")


async def test_a_plugin_may_refuse(clock: FakeClock) -> None:
    async with open_chat("memory:", clock=clock, plugins=[Shy()]) as chat:
        team = await make_team(chat, clock)
        await chat.presence.connect(team.ann, "laptop")
        with pytest.raises(Rejected):
            await chat.presence.update(team.ann, "laptop", AWAY)
        assert await shown(team) == {"Ann": ONLINE}
