"""A program's own ear: nothing missed, nothing twice, and an end."""

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import Team

from chatcore.errors import NotFound, PositionLost
from chatcore.events import Event, MemberLeft, MessageReceived, Typing
from chatcore.model import Position
from chatcore.service.hub import REPLAY_PAGE
from chatcore.service.subscription import MAX_BUFFERED


async def take(events: AsyncIterator[Event], count: int) -> list[str]:
    """The texts of the next messages."""
    found: list[str] = []
    while len(found) < count:
        event = await anext(events)
        if isinstance(event, MessageReceived):
            found.append(event.message.content)
    return found


async def rest(events: AsyncIterator[Event]) -> list[Event]:
    """Everything that there is now."""
    found: list[Event] = []

    async def listen() -> None:
        async for event in events:
            found.append(event)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return found


def said(count: int) -> list[str]:
    return [f"Message {number}" for number in range(count)]


async def say_all(team: Team, count: int) -> None:
    for text in said(count):
        await team.say(team.ann, text)


async def test_one_hears_what_comes_from_now_on(team: Team) -> None:
    await team.say(team.ann, "before")
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        assert events.position == await team.chat.hub.position(team.workspace.id)
        await team.say(team.ann, "after")
        assert await take(events, 1) == ["after"]
        assert events.position.seq == await team.seq()


async def test_who_is_no_member_hears_nothing(team: Team) -> None:
    with pytest.raises(NotFound):
        async with team.chat.subscribe(team.stranger, team.workspace):
            pytest.fail("there is nothing to subscribe to")


async def test_one_goes_on_exactly_where_one_stopped(team: Team) -> None:
    """However often one stops and resumes, each event comes once, in order."""
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        position = events.position
    await say_all(team, 30)
    heard: list[str] = []
    for count in (1, 0, 5, 10, 14):
        async with team.chat.subscribe(team.ben, team.workspace, since=position) as events:
            heard += await take(events, count)
            position = events.position
    assert heard == said(30)
    async with team.chat.subscribe(team.ben, team.workspace, since=position) as events:
        assert await rest(events) == []


async def test_resuming_goes_over_into_what_is_live(team: Team) -> None:
    position = await team.chat.hub.position(team.workspace.id)
    await say_all(team, 3)
    async with team.chat.subscribe(team.ben, team.workspace, since=position) as events:
        await team.say(team.ann, "live before the first is read")
        assert await take(events, 1) == ["Message 0"]
        await team.say(team.ann, "live in between")
        assert await take(events, 4) == ["Message 1", "Message 2", "live before the first is read", "live in between"]
        await team.say(team.ann, "live at the end")
        assert await take(events, 1) == ["live at the end"]


async def test_resuming_reads_any_number_of_pages(team: Team) -> None:
    position = await team.chat.hub.position(team.workspace.id)
    await say_all(team, 2 * REPLAY_PAGE + 3)
    async with team.chat.subscribe(team.ben, team.workspace, since=position) as events:
        assert await take(events, 2 * REPLAY_PAGE + 3) == said(2 * REPLAY_PAGE + 3)


async def test_where_one_stands_follows_what_one_may_not_see(team: Team) -> None:
    """Resuming reads on from there, past what was not for this user."""
    position = await team.chat.hub.position(team.workspace.id)
    for _ in range(3):
        await team.say(team.ann, where=team.vault)
    async with team.chat.subscribe(team.ben, team.workspace, since=position) as events:
        assert await rest(events) == []
        assert events.position.seq == await team.seq()


# --- too slow ------------------------------------------------------------------------------------------------------


async def test_a_slow_one_loses_nothing_that_lasts(team: Team) -> None:
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        await say_all(team, MAX_BUFFERED + 200)
        await team.chat.typing.set(team.room, True, actor=team.ann)
        heard = await rest(events)
        assert [event.message.content for event in heard if isinstance(event, MessageReceived)] == said(
            MAX_BUFFERED + 200
        )
        assert not any(isinstance(event, Typing) for event in heard)
        await team.say(team.ann, "live again")
        await team.chat.typing.set(team.room, True, actor=team.ann)
        assert await take(events, 1) == ["live again"]
        assert isinstance(await anext(events), Typing)


async def test_a_slow_one_that_falls_behind_again_and_again(team: Team) -> None:
    count = 3 * MAX_BUFFERED
    async with team.chat.subscribe(team.ben, team.workspace) as events, trio.open_nursery() as nursery:
        nursery.start_soon(say_all, team, count)
        heard: list[str] = []
        while len(heard) < count:
            await trio.sleep(0.02)
            heard += await take(events, min(MAX_BUFFERED // 2, count - len(heard)))
        assert heard == said(count)


async def test_one_that_is_slower_than_the_log_is_long_is_told(team: Team) -> None:
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        await say_all(team, MAX_BUFFERED + 10)
        team.clock.jump(8 * 24 * 3600)
        now = team.clock.now()
        await team.chat.storage.write(lambda tx: tx.events.trim(now))
        assert await take(events, MAX_BUFFERED) == said(MAX_BUFFERED)
        with pytest.raises(PositionLost, match="afresh"):
            await anext(events)


# --- positions that are lost ---------------------------------------------------------------------------------------


async def test_a_position_that_cannot_be_resumed(team: Team) -> None:
    now = await team.chat.hub.position(team.workspace.id)
    for position in (
        Position(epoch="another", seq=now.seq),
        Position(epoch="", seq=0),
        Position(epoch=now.epoch, seq=now.seq + 1),
        Position(epoch=now.epoch, seq=10**15),
    ):
        with pytest.raises(PositionLost, match="afresh"):
            async with team.chat.subscribe(team.ben, team.workspace, since=position):
                pytest.fail("it was resumed")


async def test_a_position_that_the_log_has_forgotten(team: Team) -> None:
    position = await team.chat.hub.position(team.workspace.id)
    await say_all(team, 3)
    team.clock.jump(8 * 24 * 3600)
    now = team.clock.now()
    await team.chat.storage.write(lambda tx: tx.events.trim(now))
    newest = await team.chat.hub.position(team.workspace.id)
    with pytest.raises(PositionLost):
        async with team.chat.subscribe(team.ben, team.workspace, since=position):
            pytest.fail("it was resumed")
    async with team.chat.subscribe(team.ben, team.workspace, since=newest) as events:
        await team.say(team.ann, "after")
        assert await take(events, 1) == ["after"]


# --- the end -------------------------------------------------------------------------------------------------------


async def test_it_ends_with_the_membership(team: Team) -> None:
    async with team.chat.subscribe(team.ann, team.workspace) as events:
        await team.say(team.owner, "the last")
        await team.chat.members.remove(team.workspace, team.ann, actor=team.owner)
        await team.chat.members.add(team.workspace, team.ann)
        await team.say(team.owner, "for those who are there")
        heard = [event async for event in events]
    assert [event.type for event in heard] == ["message_received", "member_left"]
    left = heard[-1]
    assert isinstance(left, MemberLeft)
    assert left.user_id == team.ann.id


async def test_it_ends_with_the_account(team: Team) -> None:
    async with team.chat.subscribe(team.ann, team.workspace) as events:
        await team.chat.users.deactivate(team.ann)
        await team.chat.users.reactivate(team.ann)
        assert [event.type async for event in events] == ["member_updated"]


async def test_a_slow_one_ends_too(team: Team) -> None:
    """What it may no longer read it is not given, though it was there when it was said."""
    async with team.chat.subscribe(team.ann, team.workspace) as events:
        await say_all(team, MAX_BUFFERED + 10)
        await team.chat.members.remove(team.workspace, team.ann, actor=team.owner)
        heard = [event async for event in events]
    assert len(heard) == MAX_BUFFERED + 1
    assert isinstance(heard[-1], MemberLeft)


async def test_several_hear_for_themselves(team: Team) -> None:
    async with (
        team.chat.subscribe(team.ann, team.workspace) as anns,
        team.chat.subscribe(team.ben, team.workspace) as bens,
        team.chat.subscribe(team.ann, team.workspace) as also_anns,
    ):
        await team.say(team.ann, "for two", team.vault)
        await team.say(team.ann, "for all", team.general)
        assert await take(anns, 2) == await take(also_anns, 2) == ["for two", "for all"]
        assert await take(bens, 1) == ["for all"]
