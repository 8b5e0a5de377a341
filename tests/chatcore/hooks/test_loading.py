"""Finding plugins: single files, modules, installed ones; their order; switching one off."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from chatcore.config import Config, load
from chatcore.errors import ConfigError, Rejected
from chatcore.hooks import Hooks, hookimpl
from chatcore.hooks.loading import installed, load_all
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]

NOSPAM = """
from __future__ import annotations
from chatcore.hooks import PluginConfig, Reject, hookimpl

class Config(PluginConfig):
    words: list[str] = ["spam"]

@hookimpl
async def message_will_send(ctx, draft):
    if any(word in draft.content for word in ctx.config(Config).words):
        raise Reject("nospam", "No spam, please.")
"""


class Given:
    name = "given"

    @hookimpl
    async def message_sent(self) -> None: ...


@pytest.fixture
def nospam(tmp_path: Path) -> Path:
    path = tmp_path / "nospam.py"
    path.write_text(NOSPAM)
    return path


def names(hooks: Hooks) -> list[str]:
    return [info.name for info in hooks.plugins()]


async def test_a_single_file_is_a_plugin(make_hooks: MakeHooks, nospam: Path, draft: Draft) -> None:
    hooks = make_hooks(plugins=(str(nospam),), plugin_settings={"nospam": {"words": ["hello"]}})
    with pytest.raises(Rejected, match="No spam"):
        await hooks.filter("message_will_send", value=draft)
    # Another chat in the same process has the settings of its own.
    other = make_hooks(plugins=(str(nospam),))
    assert await other.filter("message_will_send", value=draft) is draft


def test_the_settings_of_a_single_file_are_checked_at_the_start(make_hooks: MakeHooks, nospam: Path) -> None:
    with pytest.raises(ConfigError, match=r"^plugin\.nospam\.words: must be a list, not text$"):
        make_hooks(plugins=(str(nospam),), plugin_settings={"nospam": {"words": "spam"}})


def test_from_the_flag_to_the_plugin(nospam: Path) -> None:
    config = load(environ={}, flags={"plugins": (str(nospam),)})
    assert names(Hooks(config, use_installed=False)) == ["nospam"]


def test_a_module_is_a_plugin(make_hooks: MakeHooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "acme_chat"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "welcome.py").write_text(NOSPAM + "__version__ = '3.1'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (info,) = make_hooks(plugins=("acme_chat.welcome",)).plugins()
    assert (info.name, info.version) == ("welcome", "3.1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_such_plugin", "there is no plugin 'no_such_plugin'; install it, or give the path of a .py file"),
        ("./nothing.py", "there is no file nothing.py"),
        ("", "there is no plugin ''"),
        ("no such plugin", "there is no plugin 'no such plugin'"),
        ("chatcore.no_such_part", "chatcore.no_such_part cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_what_is_not_there_is_named(make_hooks: MakeHooks, name: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_hooks(plugins=(name,))
    assert str(caught.value).startswith(f"plugins: {expected}")


@pytest.mark.parametrize("text", ["raise ValueError('broken')", "def (", "import no_such_module"])
def test_a_file_that_does_not_load_is_named(make_hooks: MakeHooks, tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    before = set(sys.modules)
    with pytest.raises(ConfigError, match=r"plugins: .*broken\.py cannot be loaded: ") as caught:
        make_hooks(plugins=(str(path),))
    assert "\n" not in str(caught.value)
    assert set(sys.modules) == before, "nothing half done stays behind"


def test_naming_a_plugin_twice_loads_it_once(make_hooks: MakeHooks, nospam: Path) -> None:
    assert names(make_hooks(plugins=(str(nospam), str(nospam)))) == ["nospam"]


def test_two_of_one_name_are_refused(make_hooks: MakeHooks, nospam: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "nospam.py"
    other.parent.mkdir()
    other.write_text(NOSPAM)
    with pytest.raises(ConfigError, match="two plugins named 'nospam'"):
        make_hooks(plugins=(str(nospam), str(other)))


def test_installed_plugins_are_found() -> None:
    assert {"chat_storage_sqlite", "chat_bus_memory", "chat_presence", "chat_auth_password"} <= set(installed())
    found = {info.name: info for info in Hooks(Config()).plugins()}
    assert "register_providers" in found["chat_bus_memory"].hooks
    assert found["chat_bus_memory"].version


def test_order_is_that_of_the_configuration_then_given_then_installed(nospam: Path) -> None:
    points = {name: EntryPoint(name, "chatcore.errors", "chatcore.plugins") for name in ("one", "two", "three")}
    found = load_all(["two", str(nospam)], [Given()], points, frozenset())
    assert [each.name for each in found] == ["two", "nospam", "given", "one", "three"]


def test_enabled_false_leaves_a_plugin_out(nospam: Path) -> None:
    config = Config(
        plugins=(str(nospam),), plugin_settings={"nospam": {"enabled": False}, "chat_presence": {"enabled": False}}
    )
    assert not {"nospam", "chat_presence"} & set(names(Hooks(config)))
    assert "chat_bus_memory" in names(Hooks(config))


def test_enabled_true_is_no_setting_of_the_plugin(make_hooks: MakeHooks) -> None:
    assert names(make_hooks(Given(), plugin_settings={"given": {"enabled": True}})) == ["given"]
