"""The plugin for mypy: wrong hook signatures are found before anything runs, and the examples have none."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

WRONG = """\
from collections.abc import Iterable
from chatcore.hooks import HookContext, hookimpl
from chatcore.model import Draft, Message

@hookimpl
async def message_will_send(ctx: HookContext, draft: Message) -> None: ...

@hookimpl(guard=True)
async def message_will_edit(ctx: HookContext, messag: Message) -> None: ...

class Plugin:
    @hookimpl
    async def message_sent(self, message: Draft) -> None: ...

    @hookimpl(phase="early")
    async def channel_will_create(self) -> str:
        return ""

@hookimpl
def register_jobs(ctx: HookContext) -> Iterable[int]:
    return []

@hookimpl(phase="soon")
async def message_deleted(ctx: HookContext) -> None:
    ctx.chatt
    await ctx.shelf.put(1, "value")
"""
FOUND = {
    5: 'hook message_will_send: argument "draft" is',
    8: 'hook message_will_edit: there is no argument "messag"; it has ctx, message, before, user_id',
    12: 'hook message_sent: argument "message" is',
    15: "hook channel_will_create: must return",
    19: "hook register_jobs: must return",
    23: '"hookimpl"',
    25: '"HookContext" has no attribute "chatt"',
    26: 'Argument 1 to "put" of "Shelf" has incompatible type "int"',
}
RIGHT = """\
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from chatcore.hooks import HookContext, Job, hookimpl
from chatcore.model import Draft, Message

@hookimpl
async def message_will_send(ctx: HookContext, draft: Draft) -> Draft | None:
    return None

@hookimpl(guard=True)
def message_will_edit(before: Message) -> None: ...

@hookimpl
@asynccontextmanager
async def plugin_lifespan(ctx: HookContext, chat: Any) -> AsyncIterator[None]:
    yield

class Plugin:
    @hookimpl
    async def message_sent(self, message: object) -> None: ...

@hookimpl
def register_jobs() -> list[Job]:
    return []

@hookimpl
def hook_of_another_plugin(anything: int) -> str:
    return ""
"""


def mypy(folder: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    settings = folder / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\nplugins = chatcore.hooks.mypy\n")
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", folder / "cache", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.slow
def test_wrong_signatures_and_types_are_found_and_right_ones_pass(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.py", tmp_path / "right.py"
    wrong.write_text(WRONG)
    right.write_text(RIGHT)
    done = mypy(tmp_path, wrong, right)
    found = [(int(line), text) for line, text in re.findall(r"wrong\.py:(\d+): error: (.*)", done.stdout)]
    assert {line for line, _ in found} == set(FOUND), done.stdout + done.stderr
    for line, text in FOUND.items():
        assert any(text in said for where, said in found if where == line), done.stdout
    assert "right.py" not in done.stdout


@pytest.mark.slow
def test_the_examples_pass_strictly(tmp_path: Path) -> None:
    examples = sorted((ROOT / "examples").glob("*.py"))
    assert len(examples) >= 15
    typed = [path for path in examples if path.name != "nospam.py"]  # seven lines: it has no room for annotations
    done = mypy(tmp_path, *typed)
    assert done.returncode == 0, done.stdout + done.stderr


WRONG_SDK = """\
from chatcore.bot import Bot, Context
from chatcore.client import open_client
bot = Bot(7)
@bot.command()
async def roll(ctx: Context, sides: int = 6) -> None:
    await ctx.reply(sides)
async def main() -> None:
    async with open_client("http://127.0.0.1:8000") as client:
        await client.channels.create("team", name=7)
        await client.messages.sned("hello")
"""


@pytest.mark.slow
def test_wrong_arguments_of_the_sdk_are_found(tmp_path: Path) -> None:
    """With the types of the package as it is installed (`py.typed`): mypy is told of no other path."""
    wrong = tmp_path / "wrong_sdk.py"
    wrong.write_text(WRONG_SDK)
    done = mypy(tmp_path, wrong)
    found = {int(line) for line in re.findall(r"wrong_sdk\.py:(\d+): error: ", done.stdout)}
    assert found == {3, 6, 9, 10}, done.stdout + done.stderr
