"""Those in a huddle: their state, moderators, ringing, speaking."""

from collections.abc import AsyncIterator

import pytest
import trio
from tests.chatcore.service.conftest import Team, stored
from trio.testing import MockClock

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.errors import Forbidden, NotFound, Unavailable, ValidationFailed
from chatcore.events import Event, HuddleRing, HuddleSpeaking, HuddleUserLeft, HuddleUserUpdated, RingStatus
from chatcore.ids import UserId
from chatcore.model import Channel, Huddle
from chatcore.service.huddle_people import StateChange
from chatcore.service.huddle_rings import RING_SECONDS
from chatcore.service.huddle_speaking import INTERVAL
from chatcore.service.subscription import Subscription
from chatcore.testing.clock import FakeClock


@pytest.fixture
async def chat(clock: FakeClock) -> AsyncIterator[Chat]:
    async with open_chat("memory:", clock=clock) as chat:
        yield chat


async def huddle_of(team: Team, where: Channel | None = None) -> Huddle:
    """Started by ann, with the owner in it."""
    huddle = (await team.chat.huddles.start(where or team.room, actor=team.ann)).huddle
    await team.chat.huddles.join(huddle, actor=team.owner)
    return huddle


async def next_of(heard: Subscription, cls: type[Event]) -> Event:
    with trio.fail_after(120):
        async for event in heard:
            if isinstance(event, cls):
                return event
    raise AssertionError("the events ended")


async def test_what_somebody_says_of_themselves_is_told_and_read_later(team: Team, autojump_clock: MockClock) -> None:
    huddle, seq = await huddle_of(team), await team.seq()
    change = StateChange(muted=True, camera=True, sharing=True, hand_raised=True)
    card = await team.chat.huddles.set_state(huddle, change, actor=team.ann)
    assert (card.muted, card.camera, card.sharing, card.hand_raised) == (True, True, True, True)
    await team.chat.huddles.set_state(huddle, change, actor=team.ann)
    (told,) = await team.events(seq)
    assert isinstance(told, HuddleUserUpdated)
    assert (told.user, told.by_user_id) == (card, team.ann.id)
    late = await team.chat.huddles.join(huddle, actor=team.guest)
    assert card in late.participants
    card = await team.chat.huddles.set_state(huddle, StateChange(muted=False), actor=team.ann)
    assert (card.muted, card.camera) == (False, True)
    await team.chat.huddles.leave(huddle, actor=team.ann)
    again = await team.chat.huddles.join(huddle, actor=team.ann)
    (card,) = [each for each in again.participants if each.user_id == team.ann.id]
    assert (card.muted, card.camera, card.hand_raised) == (False, False, False)


async def test_only_who_is_in_it_has_a_state(team: Team, autojump_clock: MockClock) -> None:
    huddle = await huddle_of(team)
    with pytest.raises(Forbidden, match="Join the huddle first"):
        await team.chat.huddles.set_state(huddle, StateChange(muted=True), actor=team.guest)
    with pytest.raises(NotFound):
        await team.chat.huddles.mute(huddle, team.guest, actor=team.owner)
    for nobody in ("01890a5d-ac96-774b-bcce-b302099a8001", "x"):
        with pytest.raises(NotFound):
            await team.chat.huddles.remove(huddle, UserId(nobody), actor=team.owner)


async def test_moderators_mute_and_remove(team: Team, autojump_clock: MockClock) -> None:
    huddle = await huddle_of(team)
    await team.chat.huddles.join(huddle, actor=team.guest)
    for actor in (team.guest,):
        before = await stored(team.chat)
        for refused in (
            team.chat.huddles.mute(huddle, team.owner, actor=actor),
            team.chat.huddles.remove(huddle, team.owner, actor=actor),
        ):
            with pytest.raises(Forbidden):
                await refused
        assert await stored(team.chat) == before
    seq = await team.seq()
    assert (await team.chat.huddles.mute(huddle, team.guest, actor=team.ann)).muted, "who started it"
    assert (await team.chat.huddles.mute(huddle, team.ann, actor=team.owner)).muted, "an owner"
    await team.chat.huddles.remove(huddle, team.guest, actor=team.ann)
    *_, left = await team.events(seq)
    assert isinstance(left, HuddleUserLeft)
    assert (left.user_id, left.removed_by) == (team.guest.id, team.ann.id)
    with pytest.raises(Forbidden, match="removed from this huddle"):
        await team.chat.huddles.join(huddle, actor=team.guest)
    (entry,) = [
        each for each in await team.chat.audit.list(team.workspace, actor=team.owner) if "huddle" in each.action
    ]
    assert (entry.actor_id, entry.details) == (team.ann.id, {"userId": team.guest.id})


# --- ringing ---------------------------------------------------------------------------------------------------------


async def ringing(team: Team, heard: Subscription) -> HuddleRing:
    event = await next_of(heard, HuddleRing)
    assert isinstance(event, HuddleRing)
    return event


async def test_a_person_in_a_direct_message_is_rung_until_they_answer(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.direct, actor=team.ann)).huddle
    async with team.chat.subscribe(team.ben, team.workspace) as heard:
        assert await team.chat.huddles.ring(huddle, actor=team.ann) == (team.ben.id,)
        assert await team.chat.huddles.ring(huddle, actor=team.ann) == (team.ben.id,)
        ring = await ringing(team, heard)
        assert (ring.user_id, ring.user.display_name, ring.to_user_id) == (team.ann.id, "Ann", team.ben.id)
        assert (ring.status, ring.timeout_seconds) == (RingStatus.RINGING, RING_SECONDS)
        await team.chat.huddles.join(huddle, actor=team.ben)
        assert (await ringing(team, heard)).status is RingStatus.ANSWERED
        assert await team.chat.huddles.ring(huddle, actor=team.ann) == ()


async def test_a_ring_can_be_declined_or_missed(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.direct, actor=team.ann)).huddle
    async with team.chat.subscribe(team.ann, team.workspace) as heard:
        for status in (RingStatus.DECLINED, RingStatus.MISSED):
            await team.chat.huddles.ring(huddle, actor=team.ann, user=team.ben)
            assert (await ringing(team, heard)).status is RingStatus.RINGING
            began = trio.current_time()
            if status is RingStatus.DECLINED:
                await team.chat.huddles.decline(huddle, actor=team.ben)
            assert (await ringing(team, heard)).status is status
            waited = trio.current_time() - began
            assert waited == pytest.approx(0 if status is RingStatus.DECLINED else RING_SECONDS, abs=0.1)


async def test_nobody_is_rung_elsewhere(team: Team, autojump_clock: MockClock) -> None:
    huddle = await huddle_of(team)
    for refused in (team.chat.huddles.ring(huddle, actor=team.ann), team.chat.huddles.decline(huddle, actor=team.ann)):
        with pytest.raises(Forbidden, match="direct message"):
            await refused
    direct = (await team.chat.huddles.start(team.direct, actor=team.ann)).huddle
    with pytest.raises(Forbidden, match="Join the huddle first"):
        await team.chat.huddles.ring(direct, actor=team.ben)
    for wrong in (team.owner, team.ann):
        with pytest.raises(ValidationFailed, match="userId"):
            await team.chat.huddles.ring(direct, actor=team.ann, user=wrong)


# --- speaking --------------------------------------------------------------------------------------------------------


async def test_who_speaks_in_a_mesh_is_told_to_those_in_it_a_few_times_a_second(
    team: Team, autojump_clock: MockClock
) -> None:
    huddle = await huddle_of(team)
    async with (
        team.chat.subscribe(team.owner, team.workspace) as inside,
        team.chat.subscribe(team.guest, team.workspace) as outside,
    ):
        began = trio.current_time()
        for number in range(100):
            await team.chat.huddles.set_state(huddle, StateChange(speaking=number % 2 == 0), actor=team.ann)
            await trio.sleep(0.02)
        await trio.sleep(1)
        await team.chat.typing.set(team.room, True, actor=team.ann)
        seconds = trio.current_time() - began - 1
        heard = []
        async for event in inside:
            if event.type == "typing":
                break
            heard.append(event)
        assert all(isinstance(event, HuddleSpeaking) for event in heard)
        assert 5 <= len(heard) <= seconds / INTERVAL + 2
        assert isinstance(heard[-1], HuddleSpeaking)
        assert heard[-1].speaking == ()
        assert (await anext(outside)).type == "typing"


async def test_a_storage_that_is_away_costs_one_telling(
    team: Team, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    huddle = await huddle_of(team)
    async with team.chat.subscribe(team.owner, team.workspace) as heard:
        read = type(team.chat.storage).read
        with monkeypatch.context() as patch:

            async def away(*_: object) -> None:
                raise Unavailable("The database is away.")

            await team.chat.huddles.set_state(huddle, StateChange(speaking=True), actor=team.ann)
            patch.setattr(type(team.chat.storage), "read", away)
            await trio.sleep(1)
        assert type(team.chat.storage).read is read
        await team.chat.huddles.set_state(huddle, StateChange(speaking=True), actor=team.owner)
        event = await next_of(heard, HuddleSpeaking)
        assert isinstance(event, HuddleSpeaking)
        assert set(event.speaking) == {team.ann.id, team.owner.id}
        assert (await team.chat.health())["tasks"]["ok"]


async def test_who_leaves_or_is_muted_does_not_speak(team: Team, autojump_clock: MockClock) -> None:
    huddle = await huddle_of(team)
    for stop in ("leave", "mute"):
        await team.chat.huddles.join(huddle, actor=team.ann)
        await team.chat.huddles.set_state(huddle, StateChange(speaking=True), actor=team.ann)
        await trio.sleep(1)
        assert (await team.chat.huddles.get(huddle, actor=team.owner)).speaking == (team.ann.id,)
        if stop == "leave":
            await team.chat.huddles.leave(huddle, actor=team.ann)
        else:
            await team.chat.huddles.mute(huddle, team.ann, actor=team.owner)
        await trio.sleep(1)
        assert (await team.chat.huddles.get(huddle, actor=team.owner)).speaking == ()
