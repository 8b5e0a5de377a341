"""The port with real clients: who is heard, who is not, and what survives."""

import os
import signal

import attrs
import pytest
import trio
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, CY, HUDDLE, Open, Told, person, seat
from tests.plugins.chat_voice_webrtc.peers import Peer, Picture, Room, Tone, loudness, open_room, pitch, share, until

from chat_voice_webrtc import WebRtcVoice
from chat_voice_webrtc import voice as port
from chatcore.errors import Unavailable, ValidationFailed, VoiceFull
from chatcore.model import Signal, SignalType
from chatcore.ports import MediaRestarted, SeatLost, SpeakersChanged, VideoSource, VideoWish


async def test_a_tone_is_heard_by_the_other_at_its_level(room: Room, told: Told) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer((Tone(1000),)))
    heard = await room.hear(bob)
    assert abs(pitch(heard) - 440) < 5
    assert share(heard, 440) > 0.9
    assert 0.13 < loudness(heard) < 0.17  # 0.3 / sqrt 2, and as much again from one channel to two
    await until(lambda: bool(told.of(SpeakersChanged)) and len(told.events[-1].speaking) == 2)  # type: ignore[union-attr]
    slots = {each.user_id: each.audio for each in told.events[-1].slots}  # type: ignore[union-attr]
    assert slots == {ADA: {"1": BOB}, BOB: {"1": ADA}}


async def test_nobody_hears_themselves_on_another_device(room: Room, told: Told) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    second = await room.join(seat(ADA, "phone"), Peer(()))
    await until(lambda: bool(told.of(SpeakersChanged)))
    with pytest.raises(TimeoutError):
        await room.bridge.run(_hear_within, second, "0", 0.5)


async def _hear_within(peer: Peer, mid: str, seconds: float) -> None:
    import asyncio

    await asyncio.wait_for(peer.tracks[mid].recv(), seconds)


async def test_who_is_muted_is_not_heard_whatever_they_send(room: Room, voice: WebRtcVoice) -> None:
    await voice.mute(HUDDLE, ADA, True)  # before they come: it holds for seats that come later
    await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer(()))
    with pytest.raises(TimeoutError):
        await room.bridge.run(_hear_within, bob, "0", 0.5)
    await voice.mute(HUDDLE, ADA, False)
    assert abs(pitch(await room.hear(bob, "0")) - 440) < 5


async def test_a_camera_is_seen_and_the_wish_decides_which(room: Room, voice: WebRtcVoice) -> None:
    await room.join(seat(ADA), Peer((Picture(40),), audio_slots=0))
    await room.join(seat(BOB), Peer((Picture(200),), audio_slots=0), {"0": VideoSource.SCREEN})
    cy = await room.join(seat(CY), Peer((), audio_slots=0, video_slots=1))
    assert abs(await room.bridge.run(cy.see, "0") - 40) < 15
    await voice.wants(seat(CY), (VideoWish(user_id=BOB, source=VideoSource.SCREEN),))
    with trio.fail_after(10):
        while abs(await room.bridge.run(cy.see, "0") - 200) > 15:
            pass


async def test_a_new_offer_takes_the_place_of_the_old(room: Room, voice: WebRtcVoice, told: Told) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer(()))
    await room.hear(bob, "0")
    await room.join(seat(ADA), Peer((Tone(700),)))
    with trio.fail_after(5):
        while abs(pitch(await room.hear(bob, "0", 0.3)) - 700) > 10:
            pass
    assert len((await voice.stats(HUDDLE)).legs) == 2
    assert not told.of(SeatLost)


async def test_a_client_that_closes_is_told_and_one_that_leaves_is_not(
    room: Room, voice: WebRtcVoice, told: Told
) -> None:
    ada = await room.join(seat(ADA), Peer(()))
    await room.join(seat(BOB), Peer(()))
    await voice.leave(seat(BOB))
    await room.bridge.run(ada.close)
    await until(lambda: bool(told.of(SeatLost)))
    assert told.of(SeatLost) == [SeatLost(seat=seat(ADA), reason="the client closed its connection")]
    await until(lambda: voice.totals().seats == 0)


async def test_figures_of_a_connection(room: Room, voice: WebRtcVoice) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer(()))
    await room.hear(bob, "0", 2.5)
    legs = {leg.user_id: leg for leg in (await voice.stats(HUDDLE)).legs}
    assert legs[ADA].packets_in > 100
    assert legs[ADA].lost_in == 0
    assert legs[ADA].bitrate_in > 20_000
    assert legs[BOB].packets_out > 100
    round_trip = legs[BOB].round_trip_ms
    assert round_trip is not None
    assert 0 < round_trip < 500
    await until(lambda: voice.totals().packets_out > 100 and voice.totals().round_trip_ms > 0)
    totals = voice.totals()
    assert (totals.seats, totals.packets_lost) == (2, 0)
    assert min(totals.bitrate_in, totals.bitrate_out) > 20_000
    assert totals.round_trip_ms < 500
    assert 0 < totals.jitter_ms < 500


async def test_a_killed_process_is_back_and_who_joins_again_is_heard(
    room: Room, voice: WebRtcVoice, told: Told
) -> None:
    await room.join(seat(ADA), Peer((Tone(440),)))
    await room.join(seat(BOB), Peer(()))
    began = trio.current_time()
    os.kill(_pid(voice), signal.SIGKILL)
    await until(lambda: bool(told.of(MediaRestarted)))
    assert told.of(MediaRestarted) == [MediaRestarted(huddle_id=HUDDLE, reason="the media process was started again")]
    await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer(()))
    assert abs(pitch(await room.hear(bob, "0", 0.3)) - 440) < 10
    assert trio.current_time() - began < 10
    assert voice.totals().restarts == 1
    assert (await voice.health())["ok"]


def _pid(voice: WebRtcVoice, index: int = 0) -> int:
    pid = voice._children[index].pid
    assert pid is not None
    return pid


async def test_a_process_that_hangs_is_killed(
    room: Room, voice: WebRtcVoice, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_voice_webrtc.child.HANG_SECONDS", 2.0)
    await room.join(seat(ADA), Peer(()))
    await until(lambda: voice.totals().seats == 1)
    os.kill(_pid(voice), signal.SIGSTOP)
    await until(lambda: bool(told.of(MediaRestarted)), 15)


async def test_huddles_are_spread_and_moved_when_a_process_dies(open_port: Open) -> None:
    told = Told()
    async with open_port(voice_processes=2) as voice, open_room(voice) as room:
        voice.on_event(told.events.append)
        other = attrs.evolve(seat(BOB), huddle_id=person(9))
        await room.join(seat(ADA), Peer(()))
        await until(lambda: voice.totals().processes == 2)
        await room.join(other, Peer(()))
        pinned = [each.process for each in voice._huddles.values()]
        assert len(set(pinned)) == 2
        doomed = pinned[0]
        assert doomed is not None
        os.kill(doomed.pid or 0, signal.SIGKILL)
        await until(lambda: bool(told.of(MediaRestarted)), 2)
        assert told.of(MediaRestarted)[0].huddle_id == HUDDLE
        await room.join(seat(ADA), Peer(()))
        assert voice._huddles[HUDDLE].process is not doomed


async def test_a_node_that_is_full_says_so(open_port: Open) -> None:
    async with open_port(voice_max_seats=1) as voice, open_room(voice) as room:
        await room.join(seat(ADA), Peer(()))
        with pytest.raises(VoiceFull, match="full"):
            await room.join(seat(BOB), Peer(()))
        await room.join(seat(ADA), Peer(()))  # whoever is in may come anew
        await voice.leave(seat(ADA))
        await room.join(seat(BOB), Peer(()))


@pytest.mark.parametrize(
    ("offer", "problem"),
    [
        ({"type": "answer", "sdp": "v=0"}, "offer"),
        ({"type": "offer", "sdp": 7}, "offer"),
        ({"type": "offer", "sdp": "hello"}, "no session description"),
        ({"type": "offer", "sdp": "v=0\r\n" + "a=x\r\n" * 5000}, "lines"),
        ({"type": "offer", "sdp": "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 300}, "300 m-lines"),
        ({"type": "offer", "sdp": "v=0\r\n" + "x" * 70_000}, "bytes"),
        ({"type": "offer", "sdp": "v=0\r\n" + "x" * 2_000_000}, "too long"),
    ],
)
async def test_bad_offers_are_refused_and_cost_nothing(
    room: Room, voice: WebRtcVoice, offer: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValidationFailed, match=problem):
        await voice.join(seat(ADA), offer)
    await room.join(seat(ADA), Peer(()))
    assert voice.totals().restarts == 0


async def test_a_late_candidate_is_harmless_and_no_other_signal_is_taken(voice: WebRtcVoice) -> None:
    await voice.signal(
        seat(ADA), Signal(type=SignalType.ICE_CANDIDATE, data="candidate:1 1 udp 1 203.0.113.5 9 typ host")
    )
    with pytest.raises(ValidationFailed, match="join again"):
        await voice.signal(seat(ADA), Signal(type=SignalType.OFFER, data="v=0"))


async def test_what_is_not_known_is_harmless(voice: WebRtcVoice) -> None:
    await voice.leave(seat(ADA))
    await voice.end(HUDDLE)
    await voice.stop_recording(HUDDLE)
    await voice.wants(seat(ADA), ())
    assert (await voice.stats(HUDDLE)).legs == ()
    with pytest.raises(Unavailable, match="nothing to record"):
        await voice.start_recording(HUDDLE, "1")


async def test_the_end_closes_every_seat(room: Room, voice: WebRtcVoice, told: Told) -> None:
    await room.join(seat(ADA), Peer(()))
    await voice.end(HUDDLE)
    await until(lambda: voice.totals().seats == 0)
    assert not told.of(SeatLost)


async def test_nothing_is_started_before_it_is_needed(open_port: Open) -> None:
    async with open_port(voice="auto") as voice:
        await trio.sleep(0.1)
        assert voice.totals().processes == 0
        assert (await voice.health())["ok"]
        async with open_room(voice) as room:
            await room.join(seat(ADA), Peer(()))
        assert voice.totals().processes == 1


def test_a_join_waits_for_a_process_shorter_than_clients_do() -> None:
    assert port.JOIN_WAIT_SECONDS <= 5
