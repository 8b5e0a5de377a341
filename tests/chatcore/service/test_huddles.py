"""Huddles: who is in them, and the signals between them."""

import pytest
import trio
from tests.chatcore.service.conftest import Team, stored
from trio.testing import MockClock

from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed
from chatcore.events import (
    HuddleEnded,
    HuddleSignal,
    HuddleStarted,
    HuddleUserJoined,
    HuddleUserLeft,
    MessageReceived,
)
from chatcore.ids import HuddleId, UserId
from chatcore.model import HuddleMode, HuddleStatus, MessageKind, Signal, SignalType, Topology
from chatcore.service.huddle_desk import DEVICE
from chatcore.service.huddle_keeper import GRACE_SECONDS
from chatcore.service.huddle_signals import MAX_SIGNAL
from chatcore.service.huddles import MAX_OFFER


def offer(to: UserId | None, data: object = "v=0") -> Signal:
    return Signal(type=SignalType.OFFER, data=data, target_user_id=to)  # type: ignore[arg-type]


async def test_from_its_start_to_its_end(team: Team, autojump_clock: MockClock) -> None:
    seq = await team.seq()
    view = await team.chat.huddles.start(team.room, actor=team.ann, title="Tea", mode=HuddleMode.MESH)
    assert (view.huddle.title, view.huddle.mode, view.huddle.status) == ("Tea", HuddleMode.MESH, HuddleStatus.ACTIVE)
    assert view.started_by.display_name == "Ann"
    team.clock.jump(1)
    joined = await team.chat.huddles.join(view.huddle, actor=team.owner)
    assert [card.user_id for card in joined.participants] == [team.ann.id, team.owner.id]
    assert await team.chat.huddles.active(team.room, actor=team.ben) == joined
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    team.clock.jump(12 * 60)
    await team.chat.huddles.leave(view.huddle, actor=team.owner)
    await trio.sleep(GRACE_SECONDS + 1)
    assert await team.chat.huddles.active(team.room, actor=team.ben) is None
    ended = await team.chat.huddles.get(view.huddle, actor=team.ben)
    assert (ended.huddle.status, ended.participants) == (HuddleStatus.ENDED, ())
    assert ended.huddle.ended_at is not None
    *happened, record = await team.events(seq)
    assert isinstance(record, MessageReceived)
    assert record.message.kind is MessageKind.HUDDLE
    assert record.message.content == (
        f"Huddle “Tea” ended after 12 minutes: <@{team.ann.id}>, <@{team.owner.id}> were in it."
    )
    assert [type(event) for event in happened] == [
        HuddleStarted,
        HuddleUserJoined,
        HuddleUserJoined,
        HuddleUserLeft,
        HuddleUserLeft,
        HuddleEnded,
    ]


async def test_the_same_again_is_no_news(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    seq = await team.seq()
    again = await team.chat.huddles.join(view.huddle, actor=team.ann)
    assert again == view
    assert again.device_id == DEVICE
    assert again.devices == {team.ann.id: (DEVICE,)}
    await team.chat.huddles.leave(view.huddle, actor=team.owner)
    await team.chat.huddles.leave(view.huddle, actor=team.ben)
    assert await team.events(seq) == []


async def test_who_comes_back_is_in_it_again(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner)
    await team.chat.huddles.join(view.huddle, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    team.clock.jump(-3600)
    again = await team.chat.huddles.join(view.huddle, actor=team.ann)
    assert {card.user_id for card in again.participants} == {team.owner.id, team.ann.id}


async def test_a_channel_has_one_at_a_time(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    before = await stored(team.chat)
    with pytest.raises(Duplicate) as told:
        await team.chat.huddles.start(team.room, actor=team.owner)
    assert told.value.details == {"huddleId": view.huddle.id}
    assert await stored(team.chat) == before


async def test_one_that_everybody_has_left_makes_room_for_another(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    seq = await team.seq()
    assert (await team.chat.huddles.start(team.room, actor=team.owner)).huddle.id != view.huddle.id
    told = [type(event) for event in await team.events(seq)]
    assert told == [HuddleEnded, HuddleStarted, HuddleUserJoined, MessageReceived]


async def test_an_ended_one_is_over(team: Team, autojump_clock: MockClock) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    await trio.sleep(GRACE_SECONDS + 1)
    before = await stored(team.chat)
    with pytest.raises(Forbidden, match="has ended"):
        await team.chat.huddles.join(view.huddle, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    with pytest.raises(Forbidden):
        await team.chat.huddles.signal(view.huddle, offer(team.ann.id), actor=team.ann)
    assert await stored(team.chat) == before


async def test_who_is_in_none(team: Team) -> None:
    view = await team.chat.huddles.start(team.vault, actor=team.ann)
    public = await team.chat.huddles.start(team.room, actor=team.ann)
    before = await stored(team.chat)
    for huddle_id in (view.huddle.id, HuddleId(team.room.id), HuddleId("\ud800")):
        for actor in (team.ben, team.stranger):
            for call in (
                team.chat.huddles.get(huddle_id, actor=actor),
                team.chat.huddles.join(huddle_id, actor=actor),
                team.chat.huddles.leave(huddle_id, actor=actor),
                team.chat.huddles.signal(huddle_id, offer(team.ann.id), actor=actor),
            ):
                with pytest.raises(NotFound):
                    await call
    with pytest.raises(Forbidden):
        await team.chat.huddles.join(public.huddle, actor=team.ben)
    with pytest.raises(Forbidden):
        await team.chat.huddles.start(team.room, actor=team.ben)
    with pytest.raises(NotFound):
        await team.chat.huddles.start(team.vault, actor=team.ben)
    assert await stored(team.chat) == before


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, "a\nb", "\ud800"])
async def test_a_title_is_one_line(team: Team, title: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed):
        await team.chat.huddles.start(team.room, actor=team.ann, title=title)
    assert await stored(team.chat) == before


async def test_without_a_voice_plugin_media_goes_from_peer_to_peer(team: Team) -> None:
    with pytest.raises(ValidationFailed, match="no voice plugin"):
        await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    joined = await team.chat.huddles.join(view.huddle, actor=team.owner, offer={"type": "offer", "sdp": "v=0"})
    assert (joined.answer, joined.huddle.topology) == (None, Topology.MESH)


BAD_OFFERS: list[dict[str, object]] = [
    {},
    {"sdp": "v=0"},
    {"type": "answer", "sdp": "v=0"},
    {"type": "offer", "sdp": 1},
    {"type": "offer", "sdp": "v=0", "more": 1},
    {"type": "offer", "sdp": "x" * (MAX_OFFER + 1)},
]


@pytest.mark.parametrize("bad", BAD_OFFERS)
async def test_what_is_no_offer_is_refused(team: Team, bad: dict[str, object]) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed, match="offer"):
        await team.chat.huddles.join(view.huddle, actor=team.owner, offer=bad)
    assert await stored(team.chat) == before


# --- signals -------------------------------------------------------------------------------------------------------


async def test_a_signal_reaches_the_one_it_is_for(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    await team.chat.huddles.join(view.huddle, actor=team.owner)
    async with (
        team.chat.subscribe(team.owner, team.workspace) as mine,
        team.chat.subscribe(team.guest, team.workspace) as others,
    ):
        await team.chat.huddles.signal(view.huddle, offer(team.owner.id, {"sdp": "v=0"}), actor=team.ann)
        await team.chat.typing.set(team.room, True, actor=team.ann)
        event = await anext(mine)
        assert isinstance(event, HuddleSignal)
        assert (event.from_user_id, event.to_user_id) == (team.ann.id, team.owner.id)
        assert event.signal == Signal(type=SignalType.OFFER, data={"sdp": "v=0"})
        assert (await anext(others)).type == "typing"


async def test_signals_pass_between_participants_only(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    for actor, target in ((team.owner, team.ann), (team.ann, team.owner), (team.ann, team.stranger)):
        with pytest.raises(Forbidden, match="both must have joined"):
            await team.chat.huddles.signal(view.huddle, offer(target.id), actor=actor)


@pytest.mark.parametrize("data", ["x" * MAX_SIGNAL, {"sdp": "\ud800"}, {"sdp": object()}, {"a": 2**70}])
async def test_a_signal_is_plain_json_of_some_size(team: Team, data: object) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    with pytest.raises(ValidationFailed):
        await team.chat.huddles.signal(view.huddle, offer(team.ann.id, data), actor=team.ann)


async def test_a_signal_is_for_somebody(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    with pytest.raises(ValidationFailed, match="targetUserId"):
        await team.chat.huddles.signal(view.huddle, offer(None), actor=team.ann)
