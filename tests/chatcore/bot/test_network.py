"""A bot on a server: over the network, as a program, and through what befalls either."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio.testing
from tests.chatcore.client.house import House, house

from chatcore import Config, open_chat
from chatcore.bot import Bot, Context
from chatcore.bot.journal import Memory
from chatcore.bot.living import Life
from chatcore.bot.network import NetworkHome
from chatcore.client import ending, open_client
from chatcore.events import MessageReceived
from chatcore.model import Role, User

SIX_LINES = """
from chatcore.bot import Bot

bot = Bot("dice")

@bot.command()
async def roll(ctx, sides: int = 6):
    await ctx.reply(f"1..{sides}")

if __name__ == "__main__":
    bot.run()                      # CHATCORE_URL, CHATCORE_TOKEN; or --shell
"""


@pytest.fixture
async def home(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(ending, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(ending, "LONGEST_DELAY", 0.05)
    async with house() as opened:
        yield opened


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "dice.py"
    path.write_text(SIX_LINES)
    return path


async def bot_account(home: House, name: str = "dice") -> tuple[User, str]:
    user = await home.chat.users.create(email=f"{name}@example.org", display_name=name, is_bot=True)
    await home.chat.members.add(home.team, user, role=Role.MEMBER)
    _, token = await home.chat.tokens.create(user, name="test")
    return user, token


@asynccontextmanager
async def running(program: Path, home: House, token: str, url: str | None = None) -> AsyncIterator[trio.Process]:
    env = {
        **os.environ,
        "CHATCORE_URL": url or home.url,
        "CHATCORE_TOKEN": token,
        "CHATCORE_BOT_DATA": str(program.parent),
    }
    with open(program.with_suffix(".log"), "ab") as log:
        process = await trio.lowlevel.open_process([sys.executable, str(program)], env=env, stderr=log)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def ask(home: House, text: str) -> str:
    """What the bot says to this, however long it takes to start."""
    async with home.chat.subscribe(home.ben, home.team) as events:
        with trio.fail_after(20):
            while True:
                await home.chat.messages.send(home.general, author=home.ben, content=text)
                with trio.move_on_after(1):
                    async for event in events:
                        if isinstance(event, MessageReceived) and event.message.user_id != home.ben.id:
                            return event.message.content


async def test_the_program_of_six_lines_runs_as_it_stands(home: House, program: Path) -> None:
    _, token = await bot_account(home)
    async with running(program, home, token) as process:
        assert await ask(home, "!roll 20") == "1..20"
        process.send_signal(signal.SIGTERM)
        with trio.fail_after(10):
            assert await process.wait() == 0
    assert (program.parent / "dice.journal").stat().st_mode & 0o777 == 0o600


def test_it_runs_in_a_terminal_without_a_server(program: Path) -> None:
    done = subprocess.run(
        [sys.executable, program, "--shell"], input="!roll 20\n\n!help\n", capture_output=True, text=True, timeout=30
    )
    assert done.stdout.splitlines()[1:] == ["dice: 1..20", "dice: `!roll [sides=6]`", "`!help <command>` says more."]
    # A slow disk may be told of; nothing else is.
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


async def test_it_runs_in_the_process_of_the_server(program: Path) -> None:
    config = Config(plugins=(str(program),), rate_limits="off")
    async with open_chat("memory:", config=config) as chat:
        ada = await chat.users.create(email="ada@example.org", display_name="Ada")
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada, general=True)
        (general,) = [each.channel for each in await chat.channels.list(team, actor=ada)]
        with trio.fail_after(10):
            # It enters the workspace that was just made by itself.
            while len(await chat.members.list(team, actor=ada)) < 2:  # noqa: ASYNC110 - nothing tells a test
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked(0.05)
        async with chat.subscribe(ada, team) as events:
            await chat.messages.send(general, author=ada, content="!roll 20")
            with trio.fail_after(5):
                said = [await events.__anext__(), await events.__anext__()]
        assert [each.message.content for each in said if isinstance(each, MessageReceived)] == ["!roll 20", "1..20"]
        (info,) = [each for each in chat.hooks.plugins() if each.name == "dice"]
        assert info.state == "running"


async def test_mistakes_in_the_start_are_one_line(home: House, program: Path) -> None:
    for env, said in (
        ({}, "dice: set CHATCORE_URL (or --url), or talk to the bot here with --shell"),
        ({"CHATCORE_URL": home.url}, "dice: set CHATCORE_TOKEN"),
        ({"CHATCORE_URL": home.url, "CHATCORE_TOKEN": "cct_wrong"}, f"dice: {home.url} does not take this token"),
        ({"CHATCORE_URL": "http://127.0.0.1:1", "CHATCORE_TOKEN": "cct_x"}, "dice: cannot reach http://127.0.0.1:1"),
    ):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATCORE_")}
        env = {**clean, **env, "CHATCORE_BOT_DATA": str(program.parent)}
        done = await trio.run_process(
            [sys.executable, str(program)], env=env, capture_stderr=True, capture_stdout=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.decode().startswith(said)
        assert done.stderr.count(b"\n") == 1


async def test_a_bot_through_cut_cables(home: House) -> None:
    """Each command is answered once, in whatever state the connection is."""
    user, token = await bot_account(home)
    bot = Bot("dice")

    @bot.command()
    async def roll(ctx: Context, sides: int) -> None:
        await ctx.reply(f"1..{sides}")

    async with open_client(home.cable.url, token=token) as client, trio.open_nursery() as nursery:
        life = Life(bot, NetworkHome(client, Memory()))
        await nursery.start(life.run)
        for number in range(30):
            await home.chat.messages.send(home.general, author=home.ben, content=f"!roll {number}")
            await trio.sleep(0.01)
            if number % 5 == 4:
                home.cable.cut()
        await answered(home, user, 30)
        life.stop.set()
    assert sorted(await answers(home, user)) == sorted(f"1..{number}" for number in range(30))


async def test_a_bot_that_is_killed_answers_what_it_missed(home: House, program: Path) -> None:
    user, token = await bot_account(home)
    async with running(program, home, token):
        await ask(home, "!roll 1")
    first = len(await answers(home, user))
    for number in range(2, 12):
        await home.chat.messages.send(home.general, author=home.ben, content=f"!roll {number}")
    async with running(program, home, token):
        await answered(home, user, first + 10)
    assert sorted(await answers(home, user))[-10:] != []
    assert sorted(set(await answers(home, user))) == sorted(f"1..{number}" for number in range(1, 12))
    assert len(await answers(home, user)) == first + 10


async def test_a_bot_enters_workspaces_that_it_is_brought_into(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatcore.bot import living

    monkeypatch.setattr(living, "LOOK_SECONDS", 0.05)
    user, token = await bot_account(home)
    other = await home.chat.workspaces.create(name="Other", slug="other", owner=home.ben, general=True)
    bot = Bot("dice")
    heard = trio.Event()

    @bot.on_message()
    async def hear(ctx: Context) -> None:
        assert ctx.place.slug == "other"
        heard.set()

    async with open_client(home.url, token=token) as client, trio.open_nursery() as nursery:
        life = Life(bot, NetworkHome(client, Memory()))
        await nursery.start(life.run)
        await home.chat.members.add(other, user)
        (general,) = [each.channel for each in await home.chat.channels.list(other, actor=home.ben)]
        with trio.fail_after(10):
            while not heard.is_set():
                await home.chat.messages.send(general, author=home.ben, content="hello")
                await trio.sleep(0.05)
        # Thrown out of one, it is there in the other.
        await home.chat.members.remove(home.team, user, actor=home.ada)
        await trio.sleep(0.2)
        life.stop.set()


async def answers(home: House, user: User) -> list[str]:
    page = await home.chat.messages.history(home.general, actor=home.ada, limit=100)
    return [message.content for message in page.messages if message.user_id == user.id]


async def answered(home: House, user: User, count: int) -> None:
    """Wait until the bot has given so many answers."""
    with trio.fail_after(20):
        while len(await answers(home, user)) < count:  # noqa: ASYNC110 - the bot may be in another process
            await trio.sleep(0.05)
