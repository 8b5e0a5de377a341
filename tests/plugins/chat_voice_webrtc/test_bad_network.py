"""Loss and jitter on both ways: what is heard is as whole as the network lets it be, and nobody falls out."""

import pytest
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, HUDDLE, Told, seat
from tests.plugins.chat_voice_webrtc.lossy import BadNetwork
from tests.plugins.chat_voice_webrtc.peers import Peer, Picture, Room, Tone, pitch, played, share

from chat_voice_webrtc import WebRtcVoice
from chatcore.ports import SeatLost, VideoSource


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
