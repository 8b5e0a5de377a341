"""The contract of voice, with the processes of the forwarding unit."""

from contextlib import AbstractAsyncContextManager

import pytest
from tests.plugins.chat_voice_webrtc.conftest import Open

from chatcore.ports import Voice
from chatcore.testing.voice_contract import CAPACITY, VoiceContract


class TestWebRtc(VoiceContract):
    @pytest.fixture(autouse=True)
    def _opened(self, open_port: Open) -> None:
        self._open = open_port

    def open_voice(self) -> AbstractAsyncContextManager[Voice]:
        return self._open(voice_max_seats=CAPACITY)
