"""Whoever knows the port may send to it: those who talk do not notice."""

import os
import random
import socket
import time

import pytest
import trio
from tests.plugins.chat_voice_webrtc.conftest import ADA, BOB, Told, person, seat
from tests.plugins.chat_voice_webrtc.media.test_sdp import offer, section
from tests.plugins.chat_voice_webrtc.peers import Peer, Room, Tone, pitch, played

from chat_voice_webrtc import WebRtcVoice
from chatcore.errors import Unavailable
from chatcore.ports import SeatLost


def junk(chance: random.Random, username: bytes) -> bytes:
    """A datagram of each sort that a WebRTC port knows, and of none."""
    body = chance.randbytes(chance.randint(0, 1400))
    stun = b"\0\1" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + chance.randbytes(12)
    named = b"\0\6" + len(username).to_bytes(2, "big") + username + bytes(-len(username) % 4)
    return chance.choice(
        [
            stun + body,
            b"\0\1" + len(named).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + chance.randbytes(12) + named,
            b"\1\1\0\0\x21\x12\xa4\x42" + chance.randbytes(12),
            b"\x16\xfe\xfd" + body,
            b"\x80\x6f" + body,
            b"\x80\xc8" + body,
            chance.randbytes(3),
            b"\xff" * 1_600,
        ]
    )


@pytest.mark.programme
async def test_a_flood_of_junk_is_dropped_and_those_who_talk_do_not_hear_it(
    room: Room, voice: WebRtcVoice, told: Told
) -> None:
    ada = await room.join(seat(ADA), Peer((Tone(440),)))
    bob = await room.join(seat(BOB), Peer(()))
    remote = ada.connection.getTransceivers()[0].receiver.transport.transport
    candidate, username = remote.getRemoteCandidates()[0], ada.connection.remoteDescription.sdp
    ufrag = username.partition("a=ice-ufrag:")[2].partition("\r\n")[0].encode()
    pid = voice._children[0].pid

    def flood() -> int:
        """Some thousands a second for four seconds, from one address."""
        chance, sent, end = random.Random(41), 0, time.monotonic() + 4
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while time.monotonic() < end:
                for _ in range(50):
                    sock.sendto(junk(chance, ufrag + b":them"), (candidate.ip, candidate.port))
                sent += 50
                time.sleep(0.01)
        return sent

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, flood)
        packets = await room.bridge.run(bob.packets, "0", 3.5)
    sound, covered = played(packets)
    assert covered > 0.98
    assert abs(pitch(sound) - 440) < 6
    assert voice._children[0].pid == pid
    assert not told.of(SeatLost)
    assert voice._children[0].totals["dropped"] > 1000


@pytest.mark.programme
async def test_crowds_that_never_connect_are_told_to_wait(room: Room, voice: WebRtcVoice) -> None:
    """Each could hold an ICE agent for 15 s: a hundred may, and the next are told."""
    fake = offer(section("audio", "0", "sendonly"))
    problems: list[str] = []
    for number in range(130):
        try:
            await voice.join(seat(person(number)), {"type": "offer", "sdp": fake})
        except Unavailable as error:
            problems.append(error.message)
    assert len(problems) == 30
    assert all("Too many people" in problem for problem in problems)
    for number in range(130):
        await voice.leave(seat(person(number)))
    with trio.fail_after(20):
        while True:
            try:
                await room.join(seat(ADA), Peer(()))
            except Unavailable:
                await trio.sleep(0.5)
            else:
                break


@pytest.mark.programme
async def test_a_client_with_many_slots_gets_as_many_as_anybody(room: Room, voice: WebRtcVoice) -> None:
    peer = await room.join(seat(ADA), Peer((), audio_slots=12, video_slots=20))
    directions = [each.currentDirection for each in peer.connection.getTransceivers()]
    assert directions.count("recvonly") == 8 + 16
    assert os.path.exists(f"/proc/{voice._children[0].pid}")
