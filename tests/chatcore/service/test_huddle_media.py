"""Huddles whose media goes through the server: what the voice port is asked."""

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import Team, stored
from trio.testing import MockClock

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.config import Config
from chatcore.errors import Duplicate, Forbidden, Unavailable, ValidationFailed, VoiceFull
from chatcore.events import HuddleRejoin, HuddleSpeaking, HuddleUpdated, HuddleUserJoined, HuddleUserLeft, Slot
from chatcore.ids import HuddleId
from chatcore.model import HuddleMode, Signal, SignalType, Topology
from chatcore.ports import MediaRestarted, RecordingFinished, SeatLost, SeatSlots, SpeakersChanged, VideoWish
from chatcore.service.huddle_desk import DEVICE
from chatcore.service.huddle_devices import REJOIN_SECONDS
from chatcore.service.huddle_keeper import SWITCH_SECONDS
from chatcore.service.huddle_media import seat_of
from chatcore.service.huddle_people import StateChange
from chatcore.testing.clock import FakeClock
from chatcore.testing.voice import FakeVoice, FakeVoicePlugin

OFFER = {"type": "offer", "sdp": "v=0\r\n"}


@pytest.fixture
def voice() -> FakeVoice:
    return FakeVoice(capacity=2)


@pytest.fixture
async def chat(clock: FakeClock, voice: FakeVoice) -> AsyncIterator[Chat]:
    async with open_chat("memory:", clock=clock, config=Config(voice="fake"), plugins=[FakeVoicePlugin(voice)]) as chat:
        yield chat


async def test_an_offer_is_answered(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    joined = await team.chat.huddles.join(view.huddle, actor=team.ann, device_id="phone", offer=OFFER)
    assert joined.answer == {"type": "answer", "sdp": "v=0\r\n"}
    seat = seat_of(view.huddle, team.ann.id, "phone")
    assert voice.seats == {seat: OFFER}
    await team.chat.huddles.leave(view.huddle, actor=team.ann, device_id="phone")
    await trio.testing.wait_all_tasks_blocked()
    assert voice.seats == {}


async def test_who_gets_no_media_has_not_come_in(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    voice.capacity = 0
    before = await stored(team.chat)
    with pytest.raises(VoiceFull):
        await team.chat.huddles.join(view.huddle, actor=team.owner, offer=OFFER)
    after = await stored(team.chat)
    assert {**after, "pins": before["pins"]} == before, "of several nodes, it was found which was to carry it: no more"


async def test_media_goes_through_the_server_when_more_come_than_a_mesh_carries(team: Team, voice: FakeVoice) -> None:
    voice.capacity = 100
    people = [await team.user(f"p{number}") for number in range(4)]
    for person in people:
        await team.chat.channels.join(team.room, actor=person)
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    for person in people[:3]:
        joined = await team.chat.huddles.join(view.huddle, actor=person, offer=OFFER)
        assert (joined.huddle.topology, joined.answer) == (Topology.MESH, None)
    seq = await team.seq()
    fifth = await team.chat.huddles.join(view.huddle, actor=people[3], offer=OFFER)
    assert (fifth.huddle.topology, fifth.answer is not None) == (Topology.SFU, True)
    told = await team.events(seq)
    assert [type(event) for event in told] == [HuddleUserJoined, HuddleUpdated]
    assert isinstance(told[1], HuddleUpdated)
    assert told[1].huddle.topology is Topology.SFU
    again = await team.chat.huddles.join(view.huddle, actor=people[0], offer=OFFER)
    assert again.answer is not None
    assert len(voice.seats) == 2
    for person in people:
        await team.chat.huddles.leave(view.huddle, actor=person)
    await trio.testing.wait_all_tasks_blocked()
    assert voice.seats == {}
    assert (await team.chat.huddles.get(view.huddle, actor=team.ann)).huddle.topology is Topology.SFU
    back = await team.chat.huddles.update(view.huddle, actor=team.ann, mode=HuddleMode.MESH)
    assert back.huddle.topology is Topology.MESH


async def test_the_media_stays_until_the_peers_had_time_to_connect(
    team: Team, voice: FakeVoice, autojump_clock: MockClock
) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    for person in (team.ann, team.owner):
        await team.chat.huddles.join(view.huddle, actor=person, offer=OFFER)
    seq = await team.seq()
    await team.chat.huddles.update(view.huddle, actor=team.ann, mode=HuddleMode.MESH)
    await trio.sleep(SWITCH_SECONDS - 1)
    assert len(voice.seats) == 2
    # A client that is connected otherwise closes what it had: nobody is told to join again, nobody is missed.
    voice.tell(SeatLost(seat=seat_of(view.huddle, team.owner.id, DEVICE), reason="it closed the connection"))
    await trio.sleep(2)
    assert voice.seats == {}
    await trio.sleep(REJOIN_SECONDS + 1)
    assert len((await team.chat.huddles.get(view.huddle, actor=team.ann)).participants) == 2
    assert [type(event) for event in await team.events(seq)] == [HuddleUpdated]


async def test_media_that_was_wanted_back_at_once_stays(
    team: Team, voice: FakeVoice, autojump_clock: MockClock
) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    await team.chat.huddles.update(view.huddle, actor=team.ann, mode=HuddleMode.MESH)
    await team.chat.huddles.update(view.huddle, actor=team.ann, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    await trio.sleep(SWITCH_SECONDS + 1)
    assert len(voice.seats) == 1


async def test_the_mode_is_for_those_who_moderate(team: Team) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    with pytest.raises(Forbidden):
        await team.chat.huddles.update(view.huddle, actor=team.guest, mode=HuddleMode.SFU)
    changed = await team.chat.huddles.update(view.huddle, actor=team.owner, mode=HuddleMode.SFU, title="Tea")
    assert (changed.huddle.topology, changed.huddle.title) == (Topology.SFU, "Tea")


async def test_who_is_muted_is_silent_on_the_way(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    await team.chat.huddles.mute(view.huddle, team.ann, actor=team.owner)
    assert voice.muted == {(view.huddle.id, team.ann.id)}
    await team.chat.huddles.set_state(view.huddle, StateChange(muted=False), actor=team.ann)
    assert voice.muted == set()
    await team.chat.huddles.set_state(view.huddle, StateChange(muted=True), actor=team.ann)
    voice.muted.clear()  # as after a crash of the media
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    assert voice.muted == {(view.huddle.id, team.ann.id)}


async def test_who_leaves_the_channel_leaves_the_media(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.vault, actor=team.owner, mode=HuddleMode.SFU)
    for person in (team.owner, team.ann):
        await team.chat.huddles.join(view.huddle, actor=person, offer=OFFER)
    await team.chat.channels.remove_member(team.vault, team.ann, actor=team.owner)
    await trio.testing.wait_all_tasks_blocked()
    assert [seat.user_id for seat in voice.seats] == [team.owner.id]
    await team.chat.channels.archive(team.vault, actor=team.owner)
    await trio.testing.wait_all_tasks_blocked()
    assert (voice.seats, voice.ended) == ({}, [view.huddle.id])


async def test_a_lost_connection_and_a_restart_ask_to_join_again(
    team: Team, voice: FakeVoice, autojump_clock: MockClock
) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner, mode=HuddleMode.SFU)
    for person in (team.owner, team.ann):
        await team.chat.huddles.join(view.huddle, actor=person, offer=OFFER)
    async with team.chat.subscribe(team.guest, team.workspace) as heard:
        voice.tell(MediaRestarted(huddle_id=view.huddle.id, reason="the media process died"))
        event = await anext(heard)
        assert isinstance(event, HuddleRejoin)
        assert (event.user_id, event.reason) == (None, "the media process died")
        lost = seat_of(view.huddle, team.ann.id, DEVICE)
        voice.tell(SeatLost(seat=lost, reason="no sign of life"))
        event = await anext(heard)
        assert isinstance(event, HuddleRejoin)
        assert (event.user_id, event.device_id) == (team.ann.id, DEVICE)
        await trio.sleep(REJOIN_SECONDS - 1)
        await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
        await trio.sleep(REJOIN_SECONDS + 1)
        assert len((await team.chat.huddles.get(view.huddle, actor=team.ann)).participants) == 2
        voice.tell(SeatLost(seat=lost, reason="no sign of life"))
        assert isinstance(await anext(heard), HuddleRejoin)
        assert isinstance(await anext(heard), HuddleUserLeft)


async def test_slots_are_told_to_whom_they_belong(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner, mode=HuddleMode.SFU)
    for person in (team.owner, team.ann):
        await team.chat.huddles.join(view.huddle, actor=person, offer=OFFER)
    async with team.chat.subscribe(team.ann, team.workspace) as heard:
        slots = SeatSlots(user_id=team.ann.id, device_id=DEVICE, audio={"1": team.owner.id})
        voice.tell(SpeakersChanged(huddle_id=view.huddle.id, speaking=(team.owner.id,), slots=(slots,)))
        event = await anext(heard)
        assert isinstance(event, HuddleSpeaking)
        assert event.speaking == (team.owner.id,)
        assert event.slots == (Slot(device_id=DEVICE, mid="1", user_id=team.owner.id),)
    assert (await team.chat.huddles.get(view.huddle, actor=team.ann)).speaking == (team.owner.id,)


async def test_who_has_slots_before_they_are_in_is_told_of_them_then(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.owner, offer=OFFER)
    async with team.chat.subscribe(team.ann, team.workspace) as heard:
        slots = SeatSlots(user_id=team.ann.id, device_id=DEVICE, audio={"1": team.owner.id})
        voice.tell(SpeakersChanged(huddle_id=view.huddle.id, speaking=(team.owner.id,), slots=(slots,)))
        await trio.testing.wait_all_tasks_blocked()
        await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
        with trio.fail_after(5):
            while not isinstance(event := await anext(heard), HuddleSpeaking):
                pass
        assert event.slots == (Slot(device_id=DEVICE, mid="1", user_id=team.owner.id),)


async def test_candidates_wishes_and_figures(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.owner, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.owner, offer=OFFER)
    seat = seat_of(view.huddle, team.owner.id, DEVICE)
    candidate = Signal(type=SignalType.ICE_CANDIDATE, data={"candidate": ""})
    await team.chat.huddles.signal(view.huddle, candidate, actor=team.owner)
    assert voice.signals == [(seat, candidate)]
    wish = VideoWish(user_id=team.ann.id)
    await team.chat.huddles.wants(view.huddle, (wish,), actor=team.owner)
    assert voice.wished == {seat: (wish,)}
    for refused in (
        team.chat.huddles.wants(view.huddle, (wish,), actor=team.ann),
        team.chat.huddles.signal(view.huddle, candidate, actor=team.ann),
    ):
        with pytest.raises(Forbidden):
            await refused
    stats = await team.chat.huddles.stats(view.huddle, actor=team.ann)
    assert [leg.user_id for leg in stats.legs] == [team.owner.id]


async def test_a_bad_offer_and_a_full_node_are_told(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    with pytest.raises(ValidationFailed, match="session description"):
        await team.chat.huddles.join(view.huddle, actor=team.ann, offer={"type": "offer", "sdp": "x"})
    for device in ("one", "two"):
        await team.chat.huddles.join(view.huddle, actor=team.ann, device_id=device, offer=OFFER)
    with pytest.raises(VoiceFull, match="full"):
        await team.chat.huddles.join(view.huddle, actor=team.ann, device_id="three", offer=OFFER)


async def test_the_health_of_media_is_part_of_the_chats(team: Team) -> None:
    assert (await team.chat.health())["voice"] == {"ok": True}


async def test_a_recording_is_seen_before_it_begins_and_after_it_ends(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann)
    with pytest.raises(Forbidden, match="mode to sfu"):
        await team.chat.huddles.start_recording(view.huddle, actor=team.owner)
    await team.chat.huddles.update(view.huddle, actor=team.ann, mode=HuddleMode.SFU)
    with pytest.raises(Forbidden):
        await team.chat.huddles.start_recording(view.huddle, actor=team.guest)
    with pytest.raises(Unavailable, match="Nobody is connected"):
        await team.chat.huddles.start_recording(view.huddle, actor=team.owner)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    seq = await team.seq()
    recorded = await team.chat.huddles.start_recording(view.huddle, actor=team.owner)
    assert recorded.huddle.recorded_by == team.owner.id
    assert list(voice.recorded) == [view.huddle.id]
    with pytest.raises(Duplicate):
        await team.chat.huddles.start_recording(view.huddle, actor=team.ann)
    await team.chat.huddles.stop_recording(view.huddle, actor=team.ann)
    await team.chat.huddles.stop_recording(view.huddle, actor=team.ann)
    assert voice.recorded == {}
    told = [event.huddle.recorded_by for event in await team.events(seq) if isinstance(event, HuddleUpdated)]
    assert told == [team.owner.id, None]


async def test_a_recording_that_breaks_off_is_told(team: Team, voice: FakeVoice) -> None:
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    await team.chat.huddles.start_recording(view.huddle, actor=team.ann)
    finished = RecordingFinished(
        huddle_id=view.huddle.id,
        recording_id=voice.recorded[view.huddle.id],
        files={},
        problem="the media process died",
    )
    voice.tell(finished)
    await trio.testing.wait_all_tasks_blocked()
    assert (await team.chat.huddles.get(view.huddle, actor=team.ann)).huddle.recorded_by is None


async def test_a_recording_that_cannot_begin_is_not_shown(
    team: Team, voice: FakeVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(huddle_id: HuddleId, recording_id: str) -> None:
        raise Unavailable("There is no room on the disk.")

    monkeypatch.setattr(voice, "start_recording", refuse)
    view = await team.chat.huddles.start(team.room, actor=team.ann, mode=HuddleMode.SFU)
    await team.chat.huddles.join(view.huddle, actor=team.ann, offer=OFFER)
    with pytest.raises(Unavailable, match="no room"):
        await team.chat.huddles.start_recording(view.huddle, actor=team.ann)
    assert (await team.chat.huddles.get(view.huddle, actor=team.ann)).huddle.recorded_by is None
