"""The example bots: each is talked to, and their types hold."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import trio.testing

from chatcore.bot import Bot
from chatcore.testing.bots import bot_tester
from chatcore.testing.clock import FakeClock

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> Bot:
    """The bot of an example, each time anew."""
    bot = runpy.run_path(str(EXAMPLES / f"{name}_bot.py"))["bot"]
    assert isinstance(bot, Bot)
    return bot


async def test_dice() -> None:
    await bot_tester(load("dice")).dialog(
        [
            "ada: !roll 20",
            "dice: /[0-9]+ of 20/",
            "ada: !r 2 the last piece",
            "dice: /[12] of 2 for the last piece/",
            "ada: !roll 1",
            "dice: A die has at least two sides.",
        ]
    )


async def test_welcome() -> None:
    async with bot_tester(load("welcome"), boss="admin").open() as stage:
        assert (await stage.chat.users.by_email("welcome@bots.invalid")).is_bot
        ada = await stage.person("ada")
        await trio.testing.wait_all_tasks_blocked(0.01)
        (pair,) = [each for each in await stage.chat.channels.list(stage.workspace, actor=ada) if each.members]
        assert pair.last_message is not None
        assert pair.last_message.content == "Welcome, ada! Say `tour` to be shown around."
        await stage.say("ada", "tour", channel=pair.channel)
        await trio.testing.wait_all_tasks_blocked(0.01)
        page = await stage.chat.messages.history(pair.channel, actor=ada)
        assert page.messages[0].content == "#general: Everyone in the workspace"
        await stage.play(["ada: !greeting Hi", "welcome: Only admins and owners may use `!greeting`."])
        await stage.play(["boss: !greeting Hi {name}"])
        assert await stage.shelf.get("greeting") == "Hi {name}"


async def test_poll() -> None:
    async with bot_tester(load("poll")).open() as stage:
        await stage.play(["ada: !poll Lunch? pizza", "poll: Give 2 to 9 options; quotes keep words together."])
        await stage.say("ada", '!poll "Lunch at 12?" pizza "green salad"')
        asked = await stage.expect("**Lunch at 12?**\n1️⃣ pizza: 0\n2️⃣ green salad: 0")
        ada, ben = stage.people["ada"], await stage.person("ben")
        await stage.chat.reactions.add(asked, "2️⃣", actor=ada)
        await stage.chat.reactions.add(asked, "2️⃣", actor=ben)
        await stage.chat.reactions.add(asked, "👍", actor=ben)
        await stage.quiet()
        assert (await stage.chat.messages.get(asked.id, actor=ada)).content.endswith("pizza: 0\n2️⃣ green salad: 2")
        await stage.chat.reactions.remove(asked.id, "2️⃣", actor=ben)
        await stage.quiet()
        assert (await stage.chat.messages.get(asked.id, actor=ada)).content.endswith("green salad: 1")


async def test_reminder(autojump_clock: object) -> None:
    async with bot_tester(load("reminder")).open() as stage:
        await stage.play(["ada: !remind 10m call Ben", "reminder: /I will remind you at 12:[1-5][0-9] UTC./"])
        await stage.play(["ada: !remind 0s now", "reminder: A second to a year, please."])
        await stage.stop()
        await stage.start()
        await stage.play(["-- 12m", f"reminder: <@{stage.people['ada'].id}> call Ben", "-- 2m"])
        assert [each async for each in stage.shelf.scan("due.")] == []


async def test_standup(autojump_clock: object) -> None:
    async with bot_tester(load("standup"), ada="member").open() as stage:
        ada = stage.people["ada"]
        # From noon on a Thursday to Friday, nine o'clock.
        assert isinstance(stage.chat.clock, FakeClock)
        stage.chat.clock.jump(20.99 * 3600)
        await trio.sleep(120)
        await trio.testing.wait_all_tasks_blocked(0.01)
        (pair,) = [each for each in await stage.chat.channels.list(stage.workspace, actor=ada) if each.members]
        for said in ("standup", "slept", "work", "no"):
            await stage.say("ada", said, channel=pair.channel)
            await trio.testing.wait_all_tasks_blocked(0.01)
        page = await stage.chat.messages.history(pair.channel, actor=ada)
        assert page.messages[0].content == "Thank you, #general knows."
        (told,) = (await stage.chat.messages.history(stage.channel, actor=ada)).messages
        assert told.content.splitlines()[:2] == ["ada:", "*What did you do yesterday?* slept"]


GOOD = """
from chatcore.bot import Bot, Context, MemberCard
bot = Bot("b")

@bot.command(role="admin")
async def greet(ctx: Context, who: MemberCard, times: int = 1) -> None:
    number: int = await ctx.ask("How often?", int)
    text: str = await ctx.ask("What?")
    await ctx.reply(f"{who.display_name} {number} {text}", thread=True)

@bot.on("reaction_added")
async def reacted(ctx: Context) -> None: ...
"""
WRONG = """
from chatcore.bot import Bot, Context
from chatcore.client import open_client
bot = Bot("b")

@bot.command(role="boss")
async def one(ctx: Context) -> None: ...

@bot.on("reaction_aded")
async def two(ctx: Context) -> None: ...

@bot.command()
async def three(ctx: int) -> None: ...

@bot.command()
def four(ctx: Context) -> None: ...

@bot.command()
async def five(ctx: Context) -> None:
    await ctx.reply(5)
    text: str = await ctx.ask("How many?", int)
    ctx.reply("forgotten")

async def six() -> None:
    async with open_client("http://127.0.0.1", tokn="x") as client, client.workspace("team") as ws:
        await ws.send("general")
        await client.members.set_role("team", "ada", "boss")
"""


@pytest.mark.slow
def test_types(tmp_path: Path) -> None:
    """mypy passes what is right, the examples too, and finds what is wrong."""
    good, wrong = tmp_path / "good.py", tmp_path / "wrong.py"
    good.write_text(GOOD)
    wrong.write_text(WRONG)
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\nenable_error_code = unused-awaitable\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path / "cache")]
    bots = sorted(str(path) for path in EXAMPLES.glob("*_bot.py"))
    passed = subprocess.run([*command, str(good), *bots], capture_output=True, text=True, cwd=tmp_path)
    assert passed.returncode == 0, passed.stdout
    found = subprocess.run([*command, str(wrong)], capture_output=True, text=True, cwd=tmp_path).stdout
    lines = [number for number, line in enumerate(WRONG.splitlines(), 1) if line.strip()]
    mistaken = (
        "boss",
        "aded",
        "ctx: int",
        "def four",
        "reply(5)",
        "text: str",
        '("forgotten")',
        "tokn",
        '"general")',
        "set_role",
    )
    for mark in mistaken:
        near = [number for number in lines if mark in WRONG.splitlines()[number - 1]]
        assert any(f"wrong.py:{line}:" in found for number in near for line in (number, number - 1)), (mark, found)
