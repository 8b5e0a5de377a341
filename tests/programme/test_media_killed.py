"""14. The media process is killed while people talk: they hear again within 10 s, and chat noticed nothing."""

import os
import signal
from typing import Any

import pytest
import trio
from tests.plugins.chat_voice_webrtc.peers import Peer, Room, Tone, open_room, pitch

from chat_voice_webrtc import WebRtcVoice
from chatcore.config import Config
from chatcore.events import HuddleRejoin, HuddleSpeaking
from chatcore.model import HuddleMode, User
from chatcore.service.huddle_desk import HuddleRef
from chatcore.service.subscription import Subscription
from chatcore.testing.kit import ChatKit, open_kit


async def join(room: Room, kit: ChatKit, huddle: HuddleRef, who: User, peer: Peer) -> Peer:
    """Through the service, as a client of the server does."""
    room.peers.append(peer)
    sdp = await room.bridge.run(peer.offer)
    view = await kit.chat.huddles.join(huddle, actor=who, offer={"type": "offer", "sdp": sdp})
    assert view.answer is not None
    await room.bridge.run(peer.accept, dict(view.answer))
    return peer


async def wait_for(subscription: Subscription, kind: type[Any]) -> Any:
    """The next event of this kind."""
    async for event in subscription:
        if isinstance(event, kind):
            return event
    raise AssertionError("the subscription ended")


@pytest.mark.programme
async def test_the_media_process_is_killed_while_people_talk() -> None:
    config = Config(voice="webrtc", voice_public_address="127.0.0.1")
    async with open_kit(config=config) as kit, open_room(voice_of(kit)) as room:
        started = await kit.chat.huddles.start(kit.room(), actor=kit.ada, mode=HuddleMode.SFU)
        async with kit.chat.subscribe(kit.ben, kit.workspace) as heard:
            await join(room, kit, started.huddle, kit.ada, Peer((Tone(440),)))
            ben = await join(room, kit, started.huddle, kit.ben, Peer(()))
            with trio.fail_after(10):
                speaking = await wait_for(heard, HuddleSpeaking)
            assert speaking.speaking == (kit.ada.id,)
            assert abs(pitch(await room.hear(ben, "0")) - 440) < 5
            slowest = 0.0
            async with trio.open_nursery() as nursery:

                async def chat_on() -> None:
                    nonlocal slowest
                    while True:
                        began = trio.current_time()
                        await kit.say("ben", "Can you hear me?")
                        slowest = max(slowest, trio.current_time() - began)
                        await trio.sleep(0.02)

                nursery.start_soon(chat_on)
                began = trio.current_time()
                os.kill(media_of(kit), signal.SIGKILL)
                with trio.fail_after(10):
                    await wait_for(heard, HuddleRejoin)
                    await join(room, kit, started.huddle, kit.ada, Peer((Tone(440),)))
                    ben = await join(room, kit, started.huddle, kit.ben, Peer(()))
                    assert abs(pitch(await room.hear(ben, "0", 0.3)) - 440) < 10
                assert trio.current_time() - began < 10
                nursery.cancel_scope.cancel()
            assert slowest < 1.0
            view = await kit.chat.huddles.get(started.huddle, actor=kit.ben)
            assert {card.user_id for card in view.participants} == {kit.ada.id, kit.ben.id}


def voice_of(kit: ChatKit) -> WebRtcVoice:
    """The port behind the chat."""
    voice = kit.chat._ports.voice
    assert isinstance(voice, WebRtcVoice)
    return voice


def media_of(kit: ChatKit) -> int:
    """The process that carries the media."""
    pid = voice_of(kit).pids()[0]
    assert pid is not None
    return pid
