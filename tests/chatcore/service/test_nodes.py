"""Several nodes act as one: what happens on one is so on all, and what the bus loses is found in the log."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio
from tests.chatcore.service.conftest import Team, make_team
from trio.testing import MockClock

from chatcore.chat import Chat
from chatcore.errors import Forbidden, NotFound, Unauthorized
from chatcore.events import Event
from chatcore.ids import SessionId, UserId
from chatcore.model import ChannelType, PresenceStatus, User
from chatcore.ports import TokenKind
from chatcore.service.subscription import Subscription
from chatcore.testing.clock import FakeClock
from chatcore.testing.exchange import Exchange
from chatcore.testing.nodes import Nodes, open_nodes

pytestmark = pytest.mark.own_storage  # the nodes of `open_nodes` share one in memory

ONLINE, OFFLINE = PresenceStatus.ONLINE, PresenceStatus.OFFLINE


@attrs.define
class Site:
    """Two nodes, and a team that was made on the first."""

    nodes: Nodes
    here: Chat
    there: Chat
    team: Team


@pytest.fixture
async def site(clock: FakeClock) -> AsyncIterator[Site]:
    async with open_nodes(2, clock=clock) as nodes:
        here, there = nodes.chats
        yield Site(nodes, here, there, await make_team(here, clock))


class Ears:
    """What a subscriber hears, gathered by a task of its own."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def listen(self, subscription: Subscription) -> None:
        async for event in subscription:
            self.events.append(event)

    def said(self) -> list[str]:
        return [event.message.content for event in self.events if event.type == "message_received"]  # type: ignore[attr-defined]


async def test_events_reach_the_other_node_at_once(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team = site.team
    async with site.there.subscribe(team.ann, team.workspace) as subscription:
        ears = Ears()
        nursery.start_soon(ears.listen, subscription)
        await team.say(team.owner, "hello")
        await site.here.typing.set(team.room, True, actor=team.owner)
        await trio.sleep(0.05)
        assert ears.said() == ["hello"]
        assert [event.type for event in ears.events][-1] == "typing"


async def test_nothing_is_lost_doubled_or_out_of_order_on_a_bus_that_loses_and_doubles(
    autojump_clock: MockClock,
    clock: FakeClock,
) -> None:
    exchange = Exchange(loss=0.3, doubling=0.3)
    async with open_nodes(3, clock=clock, exchange=exchange) as nodes:
        team = await make_team(nodes.chats[0], clock)
        ears = [Ears() for _ in nodes.chats]
        async with trio.open_nursery() as nursery:
            for chat, ear in zip(nodes.chats, ears, strict=True):
                subscription = await _subscribed(chat, team, nursery)
                nursery.start_soon(ear.listen, subscription)

            async def speak(chat: Chat, name: str) -> None:
                for number in range(40):
                    await chat.messages.send(team.room, author=team.owner, content=f"{name} {number}")
                    await trio.sleep(0.05)
                    if name == "1" and number in (10, 20):
                        exchange.cut("node 2")
                    if name == "1" and number in (15, 30):
                        exchange.mend("node 2")

            async with trio.open_nursery() as speaking:
                for number, chat in enumerate(nodes.chats):
                    speaking.start_soon(speak, chat, str(number))
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
        expected = [event.message.content for event in await team.events() if event.type == "message_received"]  # type: ignore[attr-defined]
        assert len(expected) == 120
        assert [ear.said() for ear in ears] == [expected] * 3


async def test_a_subscription_goes_on_where_another_node_stopped_which_was_ahead(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team = site.team
    await site.there.hub.position(team.workspace.id)
    site.nodes.exchange.freeze("node 2")
    await team.say(team.owner, "heard there")
    cursor = await site.here.hub.position(team.workspace.id)
    async with site.there.subscribe(team.ann, team.workspace, since=cursor) as subscription:
        ears = Ears()
        nursery.start_soon(ears.listen, subscription)
        await team.say(team.owner, "heard here")
        await trio.sleep(2.1)
        assert ears.said() == ["heard here"]


async def _subscribed(chat: Chat, team: Team, nursery: trio.Nursery) -> Subscription:
    """A subscription that lasts as long as the nursery."""

    async def hold(task_status: trio.TaskStatus[Subscription]) -> None:
        async with chat.subscribe(team.ann, team.workspace) as subscription:
            task_status.started(subscription)
            await trio.sleep_forever()

    subscription: Subscription = await nursery.start(hold)
    return subscription


async def test_a_retry_on_another_node_is_the_first_message(autojump_clock: MockClock, site: Site) -> None:
    team = site.team
    first = await site.here.messages.send(team.room, author=team.ann, content="once", temp_id="t1")
    again = await site.there.messages.send(team.room, author=team.ann, content="once", temp_id="t1")
    assert again.id == first.id
    said = [event for event in await team.events() if event.type == "message_received"]
    assert len(said) == 1


async def test_both_nodes_at_once_with_the_same_temp_id(autojump_clock: MockClock, site: Site) -> None:
    team, ids = site.team, []

    async def send(chat: Chat) -> None:
        ids.append((await chat.messages.send(team.room, author=team.ann, content="once", temp_id="t2")).id)

    async with trio.open_nursery() as nursery:
        for chat in (site.here, site.there):
            nursery.start_soon(send, chat)
    assert len(set(ids)) == 1


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_what_was_given_on_one_node_counts_on_the_other_without_delay(
    autojump_clock: MockClock, site: Site
) -> None:
    """As behind a proxy that sends one request here and the next there. The bus is cut: it must not be needed."""
    team = site.team
    await site.there.channels.list(team.workspace, actor=team.ben)
    site.nodes.exchange.cut("node 1")
    made = await site.here.channels.create(team.workspace, name="new", actor=team.owner, type=ChannelType.PRIVATE)
    with pytest.raises(NotFound):
        await site.there.messages.send(made, author=team.ben, content="too early")
    await site.here.channels.add_member(made, team.ben, actor=team.owner)
    await site.there.messages.send(made, author=team.ben, content="in time")
    with pytest.raises(Forbidden):
        await site.there.messages.send(team.room, author=team.ben, content="too early")
    await site.here.channels.join(team.room, actor=team.ben)
    await site.there.messages.send(team.room, author=team.ben, content="in time")
    await site.here.members.add(team.workspace, team.stranger)
    assert await site.there.channels.list(team.workspace, actor=team.stranger)


@pytest.mark.parametrize("cut", [False, True], ids=["told", "found out"])
async def test_a_removal_ends_on_every_node_within_seconds(autojump_clock: MockClock, site: Site, cut: bool) -> None:
    team = site.team
    async with site.there.subscribe(team.ann, team.workspace) as subscription:
        if cut:
            site.nodes.exchange.cut("node 2")
        await site.here.members.remove(team.workspace, team.ann, actor=team.owner)
        await trio.sleep(2.1 if cut else 0.05)
        with pytest.raises(NotFound):
            await site.there.messages.send(team.room, author=team.ann, content="still here")
        await team.say(team.owner, "secret")
        with trio.fail_after(5):
            heard = [event async for event in subscription]
        assert "message_received" not in [event.type for event in heard]


# --- sessions --------------------------------------------------------------------------------------------------------


class Ended:
    """Who was told to go on a node, and when."""

    def __init__(self, chat: Chat) -> None:
        self.told: list[tuple[UserId, SessionId | None]] = []
        chat.sessions.on_revoked(lambda user_id, session_id: self.told.append((user_id, session_id)))


@pytest.mark.parametrize("cut", [False, True], ids=["told", "found out"])
async def test_a_session_ends_on_every_node(autojump_clock: MockClock, site: Site, cut: bool) -> None:
    signed_in = await site.here.sessions.open(site.team.ann)
    kept = await site.here.sessions.open(site.team.ann)
    for token in (signed_in.access_token, kept.access_token):
        assert (await site.there.sessions.verify(token)).user_id == site.team.ann.id
    ended = Ended(site.there)
    if cut:
        site.nodes.exchange.cut("node 2")
    await site.here.sessions.revoke(session_id=signed_in.session.id)
    await trio.sleep(2.1 if cut else 0.01)
    assert ended.told == [(site.team.ann.id, signed_in.session.id)]
    with pytest.raises(Unauthorized):
        await site.there.sessions.verify(signed_in.access_token)
    await site.there.sessions.verify(kept.access_token)


async def test_logout_everywhere_is_everywhere_at_once(autojump_clock: MockClock, site: Site) -> None:
    tokens = [(await chat.sessions.open(site.team.ann)).access_token for chat in (site.here, site.there)]
    for token in tokens:
        await site.there.sessions.verify(token)
    ended = Ended(site.there)
    assert await site.here.sessions.revoke_all(site.team.ann.id) == 2
    await trio.sleep(0.01)
    assert (site.team.ann.id, None) in ended.told
    for token in tokens:
        with pytest.raises(Unauthorized):
            await site.there.sessions.verify(token)


@pytest.mark.parametrize("cut", [False, True], ids=["told", "found out"])
async def test_a_bots_token_ends_on_every_node(autojump_clock: MockClock, site: Site, cut: bool) -> None:
    bot = await site.here.users.create(email="bot@example.org", display_name="Bot", is_bot=True)
    token, text = await site.here.tokens.create(bot, name="test")
    await site.there.tokens.verify(text)
    ended = Ended(site.there)
    if cut:
        site.nodes.exchange.cut("node 2")
    await site.here.tokens.revoke(token.id)
    await trio.sleep(2.1 if cut else 0.01)
    assert ended.told == [(bot.id, None)]
    with pytest.raises(Unauthorized):
        await site.there.tokens.verify(text)


async def test_a_refresh_token_that_was_used_here_is_known_there(autojump_clock: MockClock, site: Site) -> None:
    signed_in = await site.here.sessions.open(site.team.ann)
    newer = await site.here.sessions.refresh(signed_in.refresh_token)
    newest = await site.there.sessions.refresh(newer.refresh_token)
    with pytest.raises(Unauthorized):  # two back: by the owner or by a thief
        await site.here.sessions.refresh(signed_in.refresh_token)
    with pytest.raises(Unauthorized):
        await site.there.sessions.refresh(newest.refresh_token)
    assert site.here.codec.verify(TokenKind.ACCESS, newest.access_token, now=0)["sub"] == site.team.ann.id


# --- presence --------------------------------------------------------------------------------------------------------


async def status(chat: Chat, team: Team, user: User) -> PresenceStatus:
    found = await chat.presence.list(team.workspace, actor=team.owner)
    return next(each.status for each in found if each.user_id == user.id)


class Shown:
    """The changes of presence that one listener is told of."""

    def __init__(self) -> None:
        self.changes: list[tuple[UserId, PresenceStatus]] = []

    async def listen(self, subscription: Subscription) -> None:
        async for event in subscription:
            if event.type == "presence_update":
                presence: Any = event
                self.changes.append((presence.user_id, presence.status))


async def test_presence_is_over_all_devices_on_all_nodes(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team, ann = site.team, site.team.ann
    shown = [Shown(), Shown()]
    for chat, listener in zip((site.here, site.there), shown, strict=True):
        nursery.start_soon(listener.listen, await _subscribed(chat, team, nursery))
    await site.here.presence.connect(ann, "laptop")
    await site.there.presence.connect(ann, "phone")
    await trio.sleep(0.1)
    assert await status(site.there, team, ann) is await status(site.here, team, ann) is ONLINE
    await site.here.presence.disconnect(ann, "laptop")
    await trio.sleep(10)
    assert await status(site.here, team, ann) is ONLINE
    await site.there.presence.update(ann, "phone", PresenceStatus.AWAY)
    await trio.sleep(0.1)
    assert await status(site.here, team, ann) is PresenceStatus.AWAY
    await site.there.presence.disconnect(ann, "phone")
    await trio.sleep(6)
    assert await status(site.here, team, ann) is OFFLINE
    # Everybody is told of each change once, wherever they and the devices are.
    changes = [(ann.id, ONLINE), (ann.id, PresenceStatus.AWAY), (ann.id, OFFLINE)]
    assert [listener.changes for listener in shown] == [changes, changes]


async def test_moving_to_another_node_is_no_departure(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team, ann = site.team, site.team.ann
    shown = Shown()
    nursery.start_soon(shown.listen, await _subscribed(site.there, team, nursery))
    await site.here.presence.connect(ann, "first")
    await trio.sleep(1)
    await site.here.presence.disconnect(ann, "first")
    await trio.sleep(2)
    await site.there.presence.connect(ann, "second")
    await trio.sleep(20)
    assert shown.changes == [(ann.id, ONLINE)]


async def test_a_new_node_learns_who_is_there(autojump_clock: MockClock, site: Site) -> None:
    await site.here.presence.connect(site.team.ann, "laptop")
    await trio.sleep(30)
    async with site.nodes.another("node 3") as late:
        await trio.sleep(3)
        assert await status(late, site.team, site.team.ann) is ONLINE


async def test_the_people_of_a_killed_node_go_offline_within_a_minute(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team, ann = site.team, site.team.ann
    await site.here.presence.connect(ann, "laptop")
    await trio.sleep(0.1)
    shown = Shown()
    nursery.start_soon(shown.listen, await _subscribed(site.there, team, nursery))
    await trio.sleep(15)
    site.nodes.exchange.freeze("node 1")  # to the others it is as good as dead
    await trio.sleep(30)
    assert await status(site.there, team, ann) is ONLINE
    await trio.sleep(25)
    assert await status(site.there, team, ann) is OFFLINE
    assert shown.changes == [(ann.id, OFFLINE)]
    site.nodes.exchange.mend("node 1")
    await trio.sleep(20)
    assert await status(site.there, team, ann) is ONLINE, "it was only cut off"


async def test_the_people_of_a_node_that_stops_have_the_time_to_come_back(
    autojump_clock: MockClock, site: Site, nursery: trio.Nursery
) -> None:
    team, ann, ben = site.team, site.team.ann, site.team.ben
    shown = Shown()
    nursery.start_soon(shown.listen, await _subscribed(site.there, team, nursery))
    async with site.nodes.another("node 3") as third:
        for person in (ann, ben):
            await third.presence.connect(person, f"laptop of {person.display_name}")
        await trio.sleep(1)
    await site.there.presence.connect(ann, "laptop again")
    await trio.sleep(20)
    assert sorted(shown.changes) == sorted([(ann.id, ONLINE), (ben.id, ONLINE), (ben.id, OFFLINE)])


async def test_lost_changes_of_presence_are_noticed(autojump_clock: MockClock, clock: FakeClock) -> None:
    exchange = Exchange()
    async with open_nodes(2, clock=clock, exchange=exchange) as nodes:
        here, there = nodes.chats
        team = await make_team(here, clock)
        exchange.cut("node 2")
        for person in (team.ann, team.ben):
            await here.presence.connect(person, f"laptop of {person.display_name}")
        await trio.sleep(1)
        assert await status(there, team, team.ann) is OFFLINE
        exchange.mend("node 2")
        await trio.sleep(20)
        assert await status(there, team, team.ann) is await status(there, team, team.ben) is ONLINE


# --- huddles ---------------------------------------------------------------------------------------------------------


async def test_a_huddle_is_one_on_all_nodes(autojump_clock: MockClock, site: Site, nursery: trio.Nursery) -> None:
    team = site.team
    ears = Ears()
    nursery.start_soon(ears.listen, await _subscribed(site.there, team, nursery))
    view = await site.here.huddles.start(team.room, actor=team.owner)
    joined = await site.there.huddles.join(view.huddle, actor=team.ann)
    assert {each.user_id for each in joined.participants} == {team.owner.id, team.ann.id}
    await site.here.huddles.leave(view.huddle, actor=team.owner)
    await site.there.huddles.leave(view.huddle, actor=team.ann)
    await trio.sleep(120)  # an empty huddle is kept for a while
    assert [event.type for event in ears.events if event.type.startswith("huddle")] == [
        "huddle_started",
        "huddle_user_joined",
        "huddle_user_joined",
        "huddle_user_left",
        "huddle_user_left",
        "huddle_ended",
    ]


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [3600, -3600], ids=["ahead", "behind"])
async def test_order_is_by_seq_whatever_the_clock_of_a_node_says(autojump_clock: MockClock, wrong: int) -> None:
    async with open_nodes(1) as nodes:
        clock = FakeClock()
        nodes.clock = clock
        team = await make_team(nodes.chats[0], clock)
        nodes.clock = FakeClock()
        nodes.clock.jump(wrong)
        async with nodes.another("node 2") as other, trio.open_nursery() as nursery:
            ears = Ears()
            nursery.start_soon(ears.listen, await _subscribed(other, team, nursery))
            for number in range(10):
                chat = (nodes.chats[0], other)[number % 2]
                await chat.messages.send(team.room, author=team.owner, content=str(number))
            await trio.sleep(0.1)
            page = await other.messages.history(team.room, actor=team.ann)
            nursery.cancel_scope.cancel()
        assert ears.said() == [str(number) for number in range(10)]
        assert [message.content for message in page.messages] == ears.said()[::-1]
