"""The plugin among others: chosen, left out, refused."""

import pytest

import chat_voice_webrtc
from chatcore.config import Config
from chatcore.errors import ConfigError
from chatcore.hooks import Hooks
from chatcore.hooks.providers import optional


def test_it_is_a_provider_of_voice() -> None:
    providers = [each for each in Hooks(Config()).providers() if each.kind == "voice"]
    assert [(each.name, each.missing) for each in providers] == [("webrtc", None)]


def test_without_the_extra_it_loads_and_refuses_to_be_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_voice_webrtc, "NEEDED", ("aiortc", "a_module_that_is_not_there"))
    providers = Hooks(Config()).providers()
    assert optional(providers, "voice", "auto") is None
    with pytest.raises(ConfigError, match=r"pip install 'chatcore\[voice\]'"):
        optional(providers, "voice", "webrtc")


async def test_opening_it_without_the_extra_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, open_port: "object"
) -> None:
    monkeypatch.setattr(chat_voice_webrtc, "NEEDED", ("a_module_that_is_not_there",))
    with pytest.raises(ConfigError, match="pip install"):
        async with open_port():  # type: ignore[operator]
            pass
