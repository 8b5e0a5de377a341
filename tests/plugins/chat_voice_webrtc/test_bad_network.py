"""Loss and jitter on both ways: what is heard is as whole as the network lets it be, and nobody falls out."""

import pytest
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, HUDDLE, Told, seat
from tests.plugins.chat_voice_webrtc.lossy import BadNetwork
from tests.plugins.chat_voice_webrtc.peers import Peer, Picture, Room, Tone, pitch, played, share, until

from chat_voice_webrtc import WebRtcVoice
from chatcore.ids import UserId
from chatcore.ports import SeatLost, SpeakersChanged, VideoSource


@pytest.mark.programme
@pytest.mark.parametrize(("loss", "jitter"), [(0.02, 0.0), (0.1, 0.0), (0.0, 0.05), (0.02, 0.05)])
async def test_a_tone_through_a_bad_network(
    room: Room, voice: WebRtcVoice, told: Told, loss: float, jitter: float
) -> None:
    up, down = BadNetwork(loss, jitter), BadNetwork(loss, jitter)
    await room.join(seat(ADA), Peer((Tone(440),)), network=up)
    bob = await room.join(seat(BOB), Peer(()), network=down)
    sound, covered = played(await room.bridge.run(bob.packets, "0", 4.0))
    # Two ways of `loss` each, and the scatter of 200 packets.
    assert abs(covered - (1 - loss) ** 2) < 0.05
    assert abs(pitch(sound) - 440) < 6
    assert share(sound, 440) > 0.8
    legs = {leg.user_id: leg for leg in (await voice.stats(HUDDLE)).legs}
    lost = legs[ADA].lost_in / max(1, legs[ADA].packets_in + legs[ADA].lost_in)
    assert abs(lost - loss) < 0.04
    if jitter:
        assert (legs[ADA].jitter_in_ms or 0) > 5
    assert not told.of(SeatLost)


async def test_lost_pictures_are_sent_again(room: Room, voice: WebRtcVoice) -> None:
    network = BadNetwork(0.1, 0.0)
    await room.join(seat(ADA), Peer((Picture(40),), audio_slots=0), {"0": VideoSource.CAMERA}, network=network)
    bob = await room.join(seat(BOB), Peer((), audio_slots=0, video_slots=1))
    for _ in range(30):
        assert abs(await room.bridge.run(bob.see, "0") - 40) < 15
    (leg,) = [each for each in (await voice.stats(HUDDLE)).legs if each.user_id == ADA]
    assert leg.packets_in > 30


@pytest.mark.slow
async def test_a_picture_that_a_network_does_not_carry_is_left_out_and_the_voice_is_not(
    room: Room, voice: WebRtcVoice, told: Told
) -> None:
    def shown() -> dict[str, UserId]:
        (mine,) = [each for each in last_told(told).slots if each.user_id == BOB]
        return dict(mine.video)

    network = BadNetwork(0.0, 0.0)
    await room.join(seat(ADA), Peer((Tone(440), Picture(40)), audio_slots=0), {"1": VideoSource.CAMERA})
    bob = await room.join(seat(BOB), Peer((), audio_slots=1, video_slots=1), network=network)
    await until(lambda: bool(told.of(SpeakersChanged)) and shown() == {"1": ADA})
    network.loss = 0.5
    await until(lambda: shown() == {}, 25)
    network.loss = 0.0
    assert abs(pitch(await room.hear(bob, "0")) - 440) < 6
    assert not told.of(SeatLost)


def last_told(told: Told) -> SpeakersChanged:
    """Who speaks, and what is in whose slots."""
    event = told.of(SpeakersChanged)[-1]
    assert isinstance(event, SpeakersChanged)
    return event
