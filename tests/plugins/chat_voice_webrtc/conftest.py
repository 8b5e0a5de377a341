"""A voice port with its processes, and people who talk through it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID

import attrs
import pytest
from tests.plugins.chat_voice_webrtc.peers import Room, open_room

from chat_voice_webrtc import WebRtcVoice, open_voice
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.ports import ProviderContext, VoiceEvent, VoiceSeat

Open = Callable[..., AbstractAsyncContextManager[WebRtcVoice]]


def _id(number: int) -> str:
    return str(UUID(int=(number << 80) | 0x7000_8000_0000_0000_0000))


HUDDLE = HuddleId(_id(1))
ADA, BOB, CY = UserId(_id(11)), UserId(_id(12)), UserId(_id(13))


def seat(user: str, device: str = "main", huddle: HuddleId = HUDDLE) -> VoiceSeat:
    return VoiceSeat(
        huddle_id=huddle,
        channel_id=ChannelId(_id(2)),
        workspace_id=WorkspaceId(_id(3)),
        user_id=UserId(user),
        device_id=device,
    )


def person(number: int) -> UserId:
    """One of many."""
    return UserId(_id(100 + number))


@attrs.frozen
class Told:
    """What the port told."""

    events: list[VoiceEvent] = attrs.field(factory=list)

    def of(self, kind: type[VoiceEvent]) -> list[VoiceEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def open_port(tmp_path: Path) -> Open:
    """Opens the port on loopback; keywords are settings."""

    def opened(**settings: object) -> AbstractAsyncContextManager[WebRtcVoice]:
        config = attrs.evolve(Config(voice_public_address="127.0.0.1", voice="webrtc"), **settings)
        return open_voice(ProviderContext(config=config, clock=SystemClock(), data_dir=tmp_path))

    return opened


@pytest.fixture
async def voice(open_port: Open) -> AsyncIterator[WebRtcVoice]:
    async with open_port() as port:
        yield port


@pytest.fixture
async def told(voice: WebRtcVoice) -> Told:
    told = Told()
    voice.on_event(told.events.append)
    return told


@pytest.fixture
async def room(voice: WebRtcVoice) -> AsyncIterator[Room]:
    async with open_room(voice) as room:
        yield room


__all__ = ["ADA", "BOB", "CY", "HUDDLE", "Open", "Told", "person", "seat"]
