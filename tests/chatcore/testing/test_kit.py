"""The chat in memory, and the pytest plugin that hands it out."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import trio

from chatcore.errors import ConfigError, Rejected
from chatcore.events import MessageReceived
from chatcore.hooks import hookimpl

NOSPAM = """\
from chatcore.hooks import PluginConfig, Reject, hookimpl

class Config(PluginConfig):
    words: list[str] = ["spam"]

@hookimpl
async def message_will_send(ctx, draft):
    if any(word in draft.content for word in ctx.config(Config).words):
        raise Reject("nospam", "No spam, please.")
"""
ITS_TEST = """\
import pytest
from chatcore.errors import Rejected

async def test_spam_is_refused(chat_kit):
    async with chat_kit(plugins=["nospam.py"]) as kit:
        with pytest.raises(Rejected, match="No spam"):
            await kit.say("ada", "buy spam")
"""


class Echo:
    @hookimpl
    async def message_sent(self, ctx: Any, message: Any) -> None:
        await ctx.chat.messages.send(message.channel_id, author=message.user_id, content=f"{message.content}!")


async def test_a_kit_has_people_rooms_and_ears(chat_kit: Any) -> None:
    async with chat_kit(people=["ada", "ben", "cleo"], rooms=["general", "random"]) as kit:
        async with kit.listen("ben") as events:
            sent = await kit.say("ada", "hello", room="random")
            event = await anext(events)
        assert isinstance(event, MessageReceived)
        assert event.message == sent
        assert await kit.history("random") == ["hello"]
        assert await kit.history() == []
        assert kit.cleo.display_name == "Cleo"
        with pytest.raises(AttributeError, match="there are ada, ben, cleo"):
            _ = kit.dora


async def test_no_time_passes_while_it_opens(chat_kit: Any, autojump_clock: object) -> None:
    """Not even on a slow machine: the hours that a test counts begin when the chat is there."""
    async with chat_kit() as kit:
        assert trio.current_time() == 0
        assert f"{kit.clock.now():%H:%M:%S}" == "12:00:00"


async def test_settling_waits_for_observers(chat_kit: Any) -> None:
    async with chat_kit(plugins=[Echo()]) as kit:
        await kit.say("ada", "hello")
        await kit.settle()
        assert await kit.history() == ["hello", "hello!"]


async def test_settings_reach_a_plugin_of_a_file(chat_kit: Any, tmp_path: Path) -> None:
    (tmp_path / "nospam.py").write_text(NOSPAM)
    async with chat_kit(plugins=[tmp_path / "nospam.py"], settings={"nospam": {"words": ["casino"]}}) as kit:
        await kit.say("ada", "spam")
        with pytest.raises(Rejected):
            await kit.say("ada", "casino")
    with pytest.raises(ConfigError, match=r"plugin\.nospam\.word: unknown setting"):
        async with chat_kit(plugins=[tmp_path / "nospam.py"], settings={"nospam": {"word": []}}):
            pass


async def test_a_plugin_is_tested_in_less_than_a_tenth_of_a_second(chat_kit: Any, tmp_path: Path) -> None:
    """The best of five: an absolute time, on a machine that others use."""
    (tmp_path / "nospam.py").write_text(NOSPAM)
    times = []
    for _ in range(5):
        began = perf_counter()
        async with chat_kit(plugins=[tmp_path / "nospam.py"]) as kit:
            with pytest.raises(Rejected):
                await kit.say("ada", "buy spam")
        times.append(perf_counter() - began)
    assert min(times) < 0.1, times


DICE = """\
from chatcore.bot import Bot

bot = Bot("dice")

@bot.command()
async def roll(ctx, sides: int = 6):
    await ctx.reply(f"1..{sides}")

if __name__ == "__main__":
    bot.run()
"""
TEST_OF_A_BOT = """\
import dice

async def test_it_rolls(bot_tester):
    await bot_tester(dice.bot).dialog(["ada: !roll 20", "dice: 1..20"])
    await bot_tester(dice.bot).dialog(["ada: !roll", "dice: 1..6"])
    await bot_tester(dice.bot).dialog(["ada: hello"])
"""
WITHOUT_NETWORK = """\
import sys

NETWORK = {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}

def refuse(event, args):
    if event in NETWORK:
        raise AssertionError(f"the network is used: {event} {args}")

sys.addaudithook(refuse)
"""


@pytest.mark.parametrize(("name", "program", "its_test"), [("nospam", NOSPAM, ITS_TEST), ("dice", DICE, TEST_OF_A_BOT)])
def test_its_test_is_six_lines_runs_anywhere_and_uses_no_network(
    tmp_path: Path, name: str, program: str, its_test: str
) -> None:
    assert sum(bool(line.strip()) for line in its_test.splitlines()) <= 6
    (tmp_path / f"{name}.py").write_text(program)
    (tmp_path / f"test_{name}.py").write_text(its_test)
    (tmp_path / "conftest.py").write_text(WITHOUT_NETWORK)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntrio_mode = true\npythonpath = .\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_guard_against_the_network_guards() -> None:
    script = WITHOUT_NETWORK + "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "the network is used" in done.stderr


def test_the_pytest_plugin_loads_nothing_of_a_server() -> None:
    script = (
        "import sys, pytest, trio; before = set(sys.modules); import chatcore.testing.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['chatcore', 'chatcore.testing', 'chatcore.testing.pytest_plugin']"
