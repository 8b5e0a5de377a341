"""Huddles: who is in them, and the signals between them."""

import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import Duplicate, Forbidden, NotFound, ValidationFailed
from chatcore.events import HuddleEnded, HuddleSignal, HuddleStarted, HuddleUserJoined, HuddleUserLeft
from chatcore.ids import HuddleId, UserId
from chatcore.model import HuddleMode, HuddleStatus, Signal, SignalType
from chatcore.service.huddles import MAX_SIGNAL


def offer(to: UserId | None, data: object = "v=0") -> Signal:
    return Signal(type=SignalType.OFFER, data=data, target_user_id=to)  # type: ignore[arg-type]


async def test_from_its_start_to_its_end(team: Team) -> None:
    seq = await team.seq()
    view = await team.chat.huddles.start(team.room, actor=team.ann, title="Tea", mode=HuddleMode.MESH)
    assert (view.huddle.title, view.huddle.mode, view.huddle.status) == ("Tea", HuddleMode.MESH, HuddleStatus.ACTIVE)
    assert view.started_by.display_name == "Ann"
    joined = await team.chat.huddles.join(view.huddle, actor=team.owner)
    assert [card.user_id for card in joined.participants] == [team.ann.id, team.owner.id]
    assert await team.chat.huddles.active(team.room, actor=team.ben) == joined
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.owner)
    assert await team.chat.huddles.active(team.room, actor=team.ben) is None
    ended = await team.chat.huddles.get(view.huddle, actor=team.ben)
    assert (ended.huddle.status, ended.participants) == (HuddleStatus.ENDED, ())
    assert ended.huddle.ended_at is not None
    assert [type(event) for event in await team.events(seq)] == [
        HuddleStarted,
        HuddleUserJoined,
        HuddleUserJoined,
        HuddleUserLeft,
        HuddleUserLeft,
        HuddleEnded,
    ]


async def test_the_same_again_is_no_news(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    before = await stored(team.chat)
    assert await team.chat.huddles.join(view.huddle, actor=team.ann) == view
    await team.chat.huddles.leave(view.huddle, actor=team.owner)
    await team.chat.huddles.leave(view.huddle, actor=team.ben)
    assert await stored(team.chat) == before


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
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
    assert (await team.chat.huddles.start(team.room, actor=team.owner)).huddle.id != view.huddle.id


async def test_an_ended_one_is_over(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    await team.chat.huddles.leave(view.huddle, actor=team.ann)
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


async def test_without_a_voice_plugin_there_is_no_answer_to_an_offer(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    with pytest.raises(ValidationFailed, match="voice plugin"):
        await team.chat.huddles.join(view.huddle, actor=team.owner, offer={"sdp": "v=0"})


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
