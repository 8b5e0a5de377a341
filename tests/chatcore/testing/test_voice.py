"""The voice without media keeps what the port promises: who tests with it tests with the real thing's manners."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from chatcore.ports import Voice
from chatcore.testing.voice import FakeVoice
from chatcore.testing.voice_contract import CAPACITY, VoiceContract


@asynccontextmanager
async def _open() -> AsyncIterator[FakeVoice]:
    yield FakeVoice(CAPACITY)


class TestFake(VoiceContract):
    def open_voice(self) -> AbstractAsyncContextManager[Voice]:
        return _open()
