"""Huddles on several nodes: where their media is, and what becomes of it when a node ends."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import pytest
import trio
from tests.chatcore.service.conftest import Team, make_team
from trio.testing import MockClock

from chatcore.chat import Chat
from chatcore.errors import Duplicate, Internal, Unavailable, ValidationFailed, VoiceFull
from chatcore.events import Event, HuddleRejoin
from chatcore.model import Huddle, HuddleMode, Signal, SignalType, User
from chatcore.ports import MediaRestarted, RecordingFinished, SeatLost, VideoWish
from chatcore.service.huddle_media import seat_of
from chatcore.service.node_beats import SILENT_SECONDS
from chatcore.service.subscription import Subscription
from chatcore.service.voice_nodes import ENTER_SECONDS, SWEEP_SECONDS
from chatcore.testing.clock import FakeClock
from chatcore.testing.exchange import Exchange
from chatcore.testing.nodes import Nodes, open_nodes
from chatcore.testing.voice import FakeVoice, FakeVoicePlugin

pytestmark = pytest.mark.own_storage  # the nodes of `open_nodes` share one in memory

OFFER = {"type": "offer", "sdp": "v=0\r\n"}


@attrs.define
class Site:
    """Three nodes with media of their own, a huddle through a server, and who hears of it."""

    nodes: Nodes
    exchange: Exchange
    voices: list[FakeVoice]
    team: Team
    huddle: Huddle
    heard: list[Event] = attrs.field(factory=list)

    def chat(self, node: int) -> Chat:
        return self.nodes.chats[node]

    async def join(self, node: int, who: User, device: str = "main") -> None:
        view = await self.chat(node).huddles.join(self.huddle, actor=who, device_id=device, offer=OFFER)
        assert view.answer == {"type": "answer", "sdp": "v=0\r\n"}

    def seats(self) -> list[set[str]]:
        """Whose media is on which node."""
        return [{seat.user_id for seat in voice.seats} for voice in self.voices]

    async def pin(self) -> str | None:
        row = await self.chat(0).storage.read(lambda tx: tx.pins.get(self.huddle.id))
        return None if row is None else row.node

    def rejoins(self) -> list[HuddleRejoin]:
        return [event for event in self.heard if isinstance(event, HuddleRejoin)]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def capacity() -> int:
    return 10


@pytest.fixture
async def site(
    autojump_clock: MockClock, clock: FakeClock, exchange: Exchange, capacity: int, nursery: trio.Nursery
) -> AsyncIterator[Site]:
    voices = [FakeVoice(capacity) for _ in range(3)]

    def plugins(name: str) -> list[Any]:
        return [FakeVoicePlugin(voices[int(name.split()[1]) - 1])]

    async with open_nodes(3, clock=clock, exchange=exchange, plugins=plugins, voice="fake") as nodes:
        team = await make_team(nodes.chats[0], clock)
        view = await nodes.chats[0].huddles.start(team.room, actor=team.owner, mode=HuddleMode.SFU)
        site = Site(nodes, exchange, voices, team, view.huddle)
        await trio.sleep(2)  # all have heard of each other
        async with nodes.chats[1].subscribe(team.ann, team.workspace) as subscription:
            nursery.start_soon(_listen, subscription, site.heard)
            yield site


async def _listen(subscription: Subscription, into: list[Event]) -> None:
    async for event in subscription:
        into.append(event)


async def until(true: Callable[[], bool], seconds: float) -> None:
    with trio.fail_after(seconds):
        while not true():  # noqa: ASYNC110  # nothing wakes a test
            await trio.sleep(0.1)


async def test_all_meet_where_the_first_one_came_in(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann)
    await site.join(2, site.team.guest)
    everybody = {site.team.owner.id, site.team.ann.id, site.team.guest.id}
    assert site.seats() == [everybody, set(), set()]
    assert await site.pin() == site.chat(0)._ports.peers.node
    stats = await site.chat(2).huddles.stats(site.huddle, actor=site.team.guest)
    assert {leg.user_id for leg in stats.legs} == everybody


async def test_what_is_asked_goes_to_where_the_huddle_is(autojump_clock: MockClock, site: Site) -> None:
    here, there, team, voice = site.chat(0), site.chat(1), site.team, site.voices[0]
    await site.join(0, team.owner)
    await site.join(1, team.ann)
    seat = seat_of(site.huddle, team.ann.id, "main")
    await there.huddles.mute(site.huddle, team.ann, actor=team.owner)
    assert (site.huddle.id, team.ann.id) in voice.muted
    wish = (VideoWish(user_id=team.owner.id),)
    await there.huddles.wants(site.huddle, wish, actor=team.ann, device_id="main")
    assert voice.wished == {seat: wish}
    late = Signal(type=SignalType.ICE_CANDIDATE, data={"candidate": "a=…"})
    await there.huddles.signal(site.huddle, late, actor=team.ann, device_id="main")
    assert voice.signals == [(seat, late)]
    with pytest.raises(ValidationFailed, match="join again"):
        await there.huddles.signal(site.huddle, attrs.evolve(late, type=SignalType.OFFER), actor=team.ann)
    await there.huddles.start_recording(site.huddle, actor=team.owner)
    assert list(voice.recorded) == [site.huddle.id]
    await there.huddles.stop_recording(site.huddle, actor=team.owner)
    assert voice.recorded == {}
    await there.huddles.leave(site.huddle, actor=team.ann)
    await until(lambda: site.seats()[0] == {team.owner.id}, 1)
    await here.channels.archive(team.room, actor=team.owner)
    await until(lambda: voice.ended == [site.huddle.id], 10)
    assert await site.pin() is None


async def test_a_bad_offer_is_refused_in_the_words_of_the_other_node(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    with pytest.raises(ValidationFailed) as refused:
        await site.chat(1).huddles.join(site.huddle, actor=site.team.ann, offer={"type": "offer", "sdp": "hello"})
    assert refused.value.details == {"offer.sdp": "is no session description"}


async def test_a_fault_of_one_request_is_told_to_who_asked_and_disturbs_nobody(
    autojump_clock: MockClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.join(0, site.team.owner)

    async def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(site.voices[0], "join", broken)
        began = trio.current_time()
        with pytest.raises(Internal):
            await site.join(1, site.team.ann)
        assert trio.current_time() - began < 1
    await site.join(1, site.team.ann)
    await site.join(2, site.team.guest)
    assert site.seats()[0] == {site.team.owner.id, site.team.ann.id, site.team.guest.id}


@pytest.mark.parametrize("capacity", [2])
async def test_the_cap_of_a_node_holds_for_those_who_come_from_others(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann)
    before = await site.chat(0).huddles.get(site.huddle, actor=site.team.owner)
    with pytest.raises(VoiceFull, match="full"):
        await site.join(2, site.team.guest)
    assert await site.chat(0).huddles.get(site.huddle, actor=site.team.owner) == before
    # Another huddle goes where there is room, by whichever node it is joined.
    await trio.sleep(2)
    other = await site.chat(0).huddles.start(site.team.vault, actor=site.team.ann, mode=HuddleMode.SFU)
    await site.chat(0).huddles.join(other.huddle, actor=site.team.ann, offer=OFFER)
    assert site.team.ann.id in site.seats()[1] | site.seats()[2]


@pytest.mark.parametrize("capacity", [1])
async def test_a_huddle_is_pinned_elsewhere_when_the_chosen_node_turns_out_to_be_full(
    autojump_clock: MockClock, site: Site
) -> None:
    site.voices[0].capacity = 0  # it has not said so yet
    await site.join(0, site.team.owner)
    assert site.seats()[0] == set()
    assert site.team.owner.id in site.seats()[1] | site.seats()[2]
    for voice in site.voices:
        voice.capacity = 0
    with pytest.raises(VoiceFull):
        await site.join(2, site.team.guest)


@pytest.mark.parametrize("capacity", [1])
async def test_a_huddle_that_nobody_is_in_leaves_a_node_that_is_full_meanwhile(
    autojump_clock: MockClock, site: Site
) -> None:
    with pytest.raises(ValidationFailed):  # it is pinned all the same
        await site.chat(0).huddles.join(site.huddle, actor=site.team.owner, offer={"type": "offer", "sdp": "hello"})
    node = await site.pin()
    site.voices[0].capacity = 0
    assert node == site.chat(0).huddles._core.peers.node
    await site.join(1, site.team.ann)
    assert await site.pin() != node
    assert site.seats()[0] == set()
    assert site.rejoins() == []


@pytest.mark.parametrize("silent", [True, False], ids=["killed", "stopped"])
async def test_a_huddle_moves_when_its_node_ends(autojump_clock: MockClock, site: Site, silent: bool) -> None:
    """Within 10 s, each is told once, and all meet on another node."""
    fourth = FakeVoice(10)
    site.voices.append(fourth)
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        ready = trio.Event()

        async def node() -> None:
            async with site.nodes.another("node 4") as chat:
                await chat.huddles.join(site.huddle, actor=site.team.guest, offer=OFFER)
                ready.set()
                await stop.wait()

        nursery.start_soon(node)
        for voice in site.voices[:3]:
            voice.capacity = 0
        await trio.sleep(2)
        await ready.wait()
        for voice in site.voices[:3]:
            voice.capacity = 10
        await site.join(1, site.team.ann)
        assert site.seats()[3] == {site.team.ann.id, site.team.guest.id}
        began = trio.current_time()
        if silent:
            site.exchange.freeze("node 4")
        else:
            stop.set()
        await until(lambda: bool(site.rejoins()), SILENT_SECONDS + 2)
        await site.join(1, site.team.ann)
        await site.join(0, site.team.owner)
        assert trio.current_time() - began < 10
        await trio.sleep(2 * SWEEP_SECONDS)
        stop.set()
    (told,) = site.rejoins()
    assert (told.huddle_id, told.user_id) == (site.huddle.id, None)
    together = [seats for seats in site.seats()[:3] if seats]
    assert together == [{site.team.ann.id, site.team.owner.id}]


async def test_a_join_that_meets_a_silent_node_waits_until_the_huddle_is_moved(
    autojump_clock: MockClock, site: Site
) -> None:
    await site.join(0, site.team.owner)
    site.exchange.freeze("node 1")
    began = trio.current_time()
    await site.join(1, site.team.ann)
    assert trio.current_time() - began < 6
    assert site.team.ann.id in site.seats()[1] | site.seats()[2]
    site.exchange.mend("node 1")
    await trio.sleep(SWEEP_SECONDS + 1)
    assert site.voices[0].ended == [site.huddle.id]
    assert site.seats()[0] == set()


async def test_a_node_that_is_cut_off_takes_nothing_from_the_others(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    pin = await site.pin()
    site.exchange.cut("node 2")
    await trio.sleep(3 * SILENT_SECONDS)
    with pytest.raises(Unavailable, match="does not answer"):
        await site.join(1, site.team.ann)
    assert await site.pin() == pin
    site.exchange.mend("node 2")
    await trio.sleep(6)
    await site.join(1, site.team.ann)
    assert site.seats()[0] == {site.team.owner.id, site.team.ann.id}


async def test_requests_and_answers_that_are_lost_are_said_again(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    site.exchange.loss = 0.15
    for number in range(5):
        await site.join(1, site.team.ann, f"device {number}")
    site.exchange.loss = 0.0
    assert len(site.voices[0].seats) == 6


async def test_a_lost_connection_is_told_by_the_node_that_carries_it(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann, "phone")
    seat = seat_of(site.huddle, site.team.ann.id, "phone")
    site.voices[0].seats.pop(seat)
    site.voices[0].tell(SeatLost(seat=seat, reason="no sign of life"))
    await trio.sleep(1)
    (told,) = site.rejoins()
    assert (told.user_id, told.device_id) == (site.team.ann.id, "phone")
    await site.join(1, site.team.ann, "phone")
    await trio.sleep(20)
    view = await site.chat(2).huddles.get(site.huddle, actor=site.team.owner)
    assert site.team.ann.id in view.devices


async def test_media_that_is_started_again_is_told_once(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann)
    site.voices[0].seats.clear()
    site.voices[0].tell(MediaRestarted(huddle_id=site.huddle.id, reason="it died"))
    await trio.sleep(1)
    assert [told.user_id for told in site.rejoins()] == [None]
    await site.join(1, site.team.ann)
    assert site.seats()[0] == {site.team.ann.id}


async def test_of_somebody_who_is_taken_out_while_their_node_is_silent_nothing_is_left(
    autojump_clock: MockClock, site: Site
) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann)
    await trio.sleep(ENTER_SECONDS + 1)
    site.exchange.freeze("node 2")
    await site.chat(0).huddles.remove(site.huddle, site.team.ann, actor=site.team.owner)
    await until(lambda: site.seats()[0] == {site.team.owner.id}, 1)


async def test_a_recording_ends_with_the_node_that_made_it(autojump_clock: MockClock, site: Site) -> None:
    await site.join(0, site.team.owner)
    await site.join(1, site.team.ann)
    await site.chat(1).huddles.start_recording(site.huddle, actor=site.team.owner)
    with pytest.raises(Duplicate):
        await site.chat(2).huddles.start_recording(site.huddle, actor=site.team.owner)
    assert list(site.voices[0].recorded) == [site.huddle.id]
    site.exchange.freeze("node 1")
    await until(lambda: bool(site.rejoins()), 8)
    await trio.sleep(1)
    (row,) = await site.chat(1).storage.read(lambda tx: tx.recordings.find(huddle_id=site.huddle.id))
    assert row.stopped_at is not None
    assert "gone" in (row.problem or "")
    view = await site.chat(1).huddles.get(site.huddle, actor=site.team.owner)
    assert view.huddle.recorded_by is None
    await site.join(1, site.team.ann)
    await site.chat(1).huddles.start_recording(site.huddle, actor=site.team.owner)


async def test_what_was_recorded_is_noted(autojump_clock: MockClock, site: Site) -> None:
    await site.join(1, site.team.ann)
    await site.chat(0).huddles.start_recording(site.huddle, actor=site.team.owner)
    (going,) = await site.chat(0).storage.read(lambda tx: tx.recordings.find())
    assert (going.started_by, going.stopped_at) == (site.team.owner.id, None)
    files = {"mix.opus": "mix"}
    site.voices[1].tell(RecordingFinished(huddle_id=site.huddle.id, recording_id=going.id, files=files))
    await trio.sleep(1)
    (done,) = await site.chat(0).storage.read(lambda tx: tx.recordings.find())
    assert done == attrs.evolve(going, stopped_at=done.stopped_at, files=files)
    view = await site.chat(1).huddles.get(site.huddle, actor=site.team.owner)
    assert view.huddle.recorded_by is None
