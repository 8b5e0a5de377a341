"""The reference of hooks: up to date, complete, and true."""

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from chatcore.config import Config
from chatcore.errors import Rejected
from chatcore.events import EVENT_CLASSES, Event
from chatcore.hooks import Hooks
from chatcore.hooks.specs import SUBJECTS
from chatcore.model import Draft
from chatcore.wire import camel

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "reference" / "hooks.md"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generate: ModuleType) -> None:
    for name, page in generate.PAGES.items():
        assert (DOCS / name).read_text("utf-8") == page(), "run: python docs/generate.py"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_hook_and_argument_is_documented(generate: ModuleType, subject: ModuleType) -> None:
    hooks = generate.hooks_of(subject)
    assert hooks
    for function, _ in hooks:
        text = inspect.getdoc(function) or ""
        assert re.match(r"[A-Z].+[.:)]", text), f"{function.__name__} is not documented"
        said = generate.arguments(function)
        assert list(said) == list(inspect.signature(function).parameters), function.__name__
        assert f"### `{function.__name__}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("cls", EVENT_CLASSES, ids=lambda cls: cls.type)
def test_every_event_is_documented(generate: ModuleType, cls: type[Event]) -> None:
    own = (vars(cls).get("__doc__") or "").strip()
    assert re.match(r"[A-Z`].+[.:]", own), f"{cls.__name__} says nothing of itself"
    assert not own.startswith(cls.__name__ + "("), f"{cls.__name__} has only the docstring that attrs makes"
    assert re.match(r"[A-Z].+\.$", generate.audience_of(cls)), f"{cls.__name__}.audience does not say who it is for"
    page = (DOCS / "reference" / "events.md").read_text("utf-8")
    section = page.partition(f"### `{cls.type}`\n")[2].partition("\n###")[0]
    for field in attrs.fields(cls):
        if field.name not in ("workspace_id", "seq"):
            assert f"| `{camel(field.name)}` |" in section


def test_every_setting_of_our_plugins_is_documented(generate: ModuleType) -> None:
    page = (DOCS / "reference" / "configuration.md").read_text("utf-8")
    found = dict(generate.plugin_settings())
    assert {"chat_webhooks_out", "chat_voice_webrtc", "NAME"} <= set(found)
    for plugin, cls in found.items():
        section = page.partition(f"### `[plugin.{plugin}]`\n")[2].partition("\n###")[0]
        for name, text in generate.explanations(cls).items():
            assert re.match(r"[A-Z].+\.$", text), f"{plugin}: the setting {name} is not documented"
            assert f"| `{name}` |" in section


def examples() -> list[str]:
    return re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)


async def test_the_first_example_works(tmp_path: Path, draft: Draft) -> None:
    example = examples()[0]
    assert sum(bool(line.strip()) for line in example.splitlines()) == 7, "a plugin is seven lines"
    (tmp_path / "nospam.py").write_text(example)
    hooks = Hooks(
        Config(plugins=(str(tmp_path / "nospam.py"),), plugin_settings={"nospam": {"words": ["hello"]}}),
        use_installed=False,
    )
    with pytest.raises(Rejected, match="No spam"):
        await hooks.filter("message_will_send", value=draft)


async def test_the_second_example_works(tmp_path: Path) -> None:
    (tmp_path / "hours.py").write_text(examples()[1])
    hooks = Hooks(Config(plugins=(str(tmp_path / "hours.py"),)), use_installed=False)
    async with hooks.running(object()):
        assert hooks.health()["plugins"]["hours"]["state"] == "running"
    assert hooks.plugins()[0].failures == 0
