"""Huddles whose media goes through the server: what the voice port is asked."""

from collections.abc import AsyncIterator

import pytest
from tests.chatcore.service.conftest import Team

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.config import Config
from chatcore.errors import ValidationFailed, VoiceFull
from chatcore.model import HuddleMode
from chatcore.service.huddle_media import seat_of
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
    assert voice.seats == {}


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
