"""A plugin's settings: typed, checked at the start, named where they are wrong."""

from collections.abc import Callable
from typing import Any, Literal

import attrs
import pytest

from chatcore.errors import ConfigError
from chatcore.hooks import HookContext, Hooks, PluginConfig, hookimpl
from chatcore.hooks.settings import read_settings

MakeHooks = Callable[..., Hooks]


class Everything(PluginConfig):
    text: str = "text"
    number: int = 1
    ratio: float = 0.5
    switch: bool = False
    words: list[str] = ["spam"]  # noqa: RUF012 (copied for each instance: that is what is tested)
    pair: tuple[int, ...] = (1, 2)
    weights: dict[str, float] = {}  # noqa: RUF012 (as above)
    mode: Literal["strict", "lax"] = "strict"
    maybe: int | None = None
    either: int | str = 0


class Needed(PluginConfig):
    url: str
    retries: int = 3


def test_defaults() -> None:
    settings = read_settings(Everything, {}, "p")
    assert (settings.text, settings.words, settings.pair, settings.maybe) == ("text", ["spam"], (1, 2), None)


def test_values() -> None:
    table = {
        "text": "x",
        "number": 7,
        "ratio": 2,
        "switch": True,
        "words": [],
        "pair": [3],
        "weights": {"a": 1, "b": 0.5},
        "mode": "lax",
        "maybe": 5,
        "either": "x",
    }
    settings = read_settings(Everything, table, "p")
    assert {key: getattr(settings, key) for key in table} == {**table, "pair": (3,)}
    assert isinstance(settings.ratio, float)


def test_lists_of_defaults_are_not_shared() -> None:
    read_settings(Everything, {}, "p").words.append("more")
    assert read_settings(Everything, {}, "p").words == ["spam"]


def test_settings_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        read_settings(Everything, {}, "p").number = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("text", 7, "must be text, not a whole number"),
        ("number", "7", "must be a whole number, not text"),
        ("number", True, "must be a whole number, not true or false"),
        ("number", 1.0, "must be a whole number, not a number"),
        ("ratio", True, "must be a number, not true or false"),
        ("switch", 1, "must be true or false, not a whole number"),
        ("words", "spam", "must be a list, not text"),
        ("pair", {"a": 1}, "must be a list, not a table"),
        ("weights", [1], "must be a table, not a list"),
        ("mode", "other", "must be one of strict, lax"),
        ("maybe", "x", "must be a whole number, not text"),
        ("either", 0.5, "must be text, not a number"),
    ],
)
def test_wrong_values_are_named(key: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(Everything, {key: value}, "nospam")
    assert str(caught.value) == f"plugin.nospam.{key}: {expected}"


def test_the_place_in_a_list_or_table_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^plugin\.p\.words\[1\]: must be text"):
        read_settings(Everything, {"words": ["a", 1]}, "p")
    with pytest.raises(ConfigError, match=r"^plugin\.p\.weights\.a: must be a number"):
        read_settings(Everything, {"weights": {"a": "x"}}, "p")


def test_values_are_never_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(Everything, {"number": "hunter2"}, "p")
    assert "hunter2" not in str(caught.value)


def test_unknown_and_missing_keys_are_named() -> None:
    with pytest.raises(ConfigError, match=r"plugin\.p\.urll: unknown setting; the plugin has: retries, url"):
        read_settings(Needed, {"urll": "x"}, "p")
    with pytest.raises(ConfigError, match=r"plugin\.p\.url: must be set \(in chat.toml, under \[plugin\.p\]\)"):
        read_settings(Needed, {}, "p")


class Picky:
    name = "picky"
    Config = Needed

    @hookimpl
    async def message_will_send(self, ctx: HookContext) -> None:
        assert ctx.config(Needed) is ctx.config(Needed)
        assert ctx.config(Needed).retries == 3


async def test_the_context_reads_settings_once(make_hooks: MakeHooks) -> None:
    hooks = make_hooks(Picky(), plugin_settings={"picky": {"url": "x"}})
    await hooks.filter("message_will_send")
    assert hooks.plugins()[0].failures == 0


def test_settings_are_checked_at_the_start(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError, match=r"plugin\.picky\.url: must be set"):
        make_hooks(Picky())
    with pytest.raises(ConfigError, match=r"plugin\.picky\.retries: must be a whole number"):
        make_hooks(Picky(), plugin_settings={"picky": {"url": "x", "retries": "3"}})


def test_a_table_for_nobody_is_refused(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError, match=r"plugin\.nospm: there is no such plugin"):
        make_hooks(plugin_settings={"nospm": {"words": []}})


def test_settings_for_a_plugin_that_has_none_are_refused(make_hooks: MakeHooks) -> None:
    class Plain:
        name = "plain"

    with pytest.raises(ConfigError, match=r"plugin\.plain\.words: unknown setting; the plugin has none"):
        make_hooks(Plain(), plugin_settings={"plain": {"words": []}})
