"""What `chatcore plugins new` writes: a plugin that works, and its test."""

from pathlib import Path

from chatcli.problem import Failure

PLUGIN = '''\
"""{title}: says what it does in one line."""

from chatcore.hooks import HookContext, PluginConfig, Reject, hookimpl
from chatcore.model import Draft


class Config(PluginConfig):
    words: list[str] = ["spam"]


@hookimpl
async def message_will_send(ctx: HookContext, draft: Draft) -> None:
    """Refuse messages with certain words."""
    if any(word in draft.content for word in ctx.config(Config).words):
        raise Reject("{name}", "This word is not wanted here.")
'''
TEST = '''\
"""{title}, in a chat in memory."""

from typing import Any

import pytest

from chatcore.errors import Rejected


async def test_words_are_refused(chat_kit: Any) -> None:
    async with chat_kit(plugins=[{plugin}], settings={{"{name}": {{"words": ["casino"]}}}}) as kit:
        await kit.say("ada", "hello")
        with pytest.raises(Rejected):
            await kit.say("ada", "casino")
        assert await kit.history() == ["hello"]
'''
PROJECT = """\
[build-system]
requires = ["hatchling>=1.27,<2"]
build-backend = "hatchling.build"

[project]
name = "{dist}"
version = "0.1.0"
description = "A plugin for Chatcore."
requires-python = ">=3.11"
dependencies = ["chatcore"]

[project.optional-dependencies]
test = ["pytest", "pytest-trio"]

# Installed beside Chatcore, it is found by this.
[project.entry-points."chatcore.plugins"]
{name} = "{name}"

[tool.hatch.build.targets.wheel]
packages = ["{name}"]

[tool.pytest.ini_options]
trio_mode = true
"""
PYTEST = """\
[pytest]
trio_mode = true
"""


def scaffold(name: str, folder: Path, *, package: bool) -> list[Path]:
    """Write the files of a new plugin; where they are. Raises Failure when the name is none, or a file is there."""
    if not name.isidentifier() or not name.islower():
        raise Failure(f"a plugin's name is a Python name in lower case, like no_spam: not {name!r}")
    title = name.replace("_", " ").capitalize()
    root = folder / name if package else folder
    if package:
        files = {
            "pyproject.toml": PROJECT.format(name=name, dist=name.replace("_", "-")),
            f"{name}/__init__.py": PLUGIN.format(name=name, title=title),
            f"{name}/py.typed": "",
            # Loaded by its entry point once it is installed; so the test names it no more than its settings do.
            f"tests/test_{name}.py": TEST.format(name=name, title=title, plugin=""),
        }
    else:
        files = {
            f"{name}.py": PLUGIN.format(name=name, title=title),
            f"test_{name}.py": TEST.format(name=name, title=title, plugin=f'"{name}.py"'),
        }
        if not (root / "pytest.ini").exists() and not (root / "pyproject.toml").exists():
            files["pytest.ini"] = PYTEST
    paths = [root / file for file in files]
    for path in paths:
        if path.exists():
            raise Failure(f"{path} is there already: choose another name or folder")
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return paths
