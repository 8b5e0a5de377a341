"""A bot on a server: over the network, as a program, and through what befalls either."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio.testing
from tests.chatcore.client.house import House, house

from chatcore import Config, open_chat
from chatcore.bot import Bot, Context
from chatcore.bot.journal import Memory
from chatcore.bot.living import Life
from chatcore.bot.network import NetworkHome
from chatcore.bot.place import Place
from chatcore.client import ending, open_client
from chatcore.errors import Forbidden, Unavailable
from chatcore.events import Event, MessageReceived
from chatcore.model import Position, Role, User

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


async def test_ctrl_c_ends_the_terminal_without_a_word(program: Path) -> None:
    command = [sys.executable, str(program), "--shell"]
    # As a terminal starts it: a shell that puts it into the background has it ignore the signal.
    listening = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    process = await trio.lowlevel.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=listening,
    )
    with trio.fail_after(30):
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"You talk to dice" in await process.stdout.receive_some()
        process.send_signal(signal.SIGINT)
        assert await process.stderr.receive_some() == b""
        assert await process.wait() == 130


def test_the_terminal_shows_who_is_mentioned(program: Path) -> None:
    program.write_text(SIX_LINES.replace("1..{sides}", "<@{ctx.author.user_id}>: {sides}"))
    done = subprocess.run(
        [sys.executable, program, "--shell"], input="!roll 20\n", capture_output=True, text=True, timeout=30
    )
    assert done.stdout.splitlines()[1:] == ["dice: @you: 20"]


def test_its_help_names_the_token(program: Path) -> None:
    done = subprocess.run([sys.executable, program, "--help"], capture_output=True, text=True, timeout=30)
    assert "CHATCORE_TOKEN" in done.stdout


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
    _, token = await bot_account(home)
    for env, said in (
        ({}, "dice: set CHATCORE_URL (or --url), or talk to the bot here with --shell"),
        ({"CHATCORE_URL": home.url}, "dice: set CHATCORE_TOKEN"),
        ({"CHATCORE_URL": home.url, "CHATCORE_TOKEN": "cct_wrong"}, f"dice: {home.url} does not take this token"),
        ({"CHATCORE_URL": "http://127.0.0.1:1", "CHATCORE_TOKEN": "cct_x"}, "dice: cannot reach http://127.0.0.1:1"),
        ({"CHATCORE_URL": "http://127.0.0.1:99999", "CHATCORE_TOKEN": "cct_x"}, "dice: 'http://127.0.0.1:99999' is no"),
        ({"CHATCORE_URL": home.url, "CHATCORE_TOKEN": "cct_\u00fc"}, "dice: this is no token"),
        ({"CHATCORE_URL": home.url, "CHATCORE_TOKEN": "a b"}, "dice: this is no token"),
        (
            {"CHATCORE_URL": f"{home.url}/chat", "CHATCORE_TOKEN": token},
            f"dice: there is no Chatcore server at {home.url}/chat",
        ),
        (
            {"CHATCORE_URL": home.url.replace("http:", "https:"), "CHATCORE_TOKEN": token},
            f"dice: cannot reach {home.url.replace('http:', 'https:')} (no TLS is spoken there: is it http://",
        ),
    ):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATCORE_")}
        env = {**clean, **env, "CHATCORE_BOT_DATA": str(program.parent)}
        done = await trio.run_process(
            [sys.executable, str(program)], env=env, capture_stderr=True, capture_stdout=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.decode().startswith(said)
        assert done.stderr.count(b"\n") == 1


async def test_a_workspace_that_it_is_not_in_is_told_at_the_start(home: House, program: Path) -> None:
    _, token = await bot_account(home)
    # A token from a file has a line break at its end.
    env = {**os.environ, "CHATCORE_TOKEN": f"{token}\n", "CHATCORE_BOT_DATA": str(program.parent)}
    command = [sys.executable, str(program), "--url", home.url, "--workspace", "other", "--log-level", "WARNING"]
    done = await trio.run_process(command, env=env, capture_stderr=True, check=False)
    assert done.stderr == b"dice: There is no workspace 'other', or you are not in it; you are in: team.\n"


async def test_a_bot_in_no_workspace_says_so(home: House, caplog: pytest.LogCaptureFixture) -> None:
    user = await home.chat.users.create(email="alone@example.org", display_name="Alone", is_bot=True)
    _, token = await home.chat.tokens.create(user, name="test")
    async with open_client(home.url, token=token) as client, trio.open_nursery() as nursery:
        life = Life(Bot("alone"), NetworkHome(client, Memory()))
        await nursery.start(life.run)
        life.stop.set()
    assert "alone is in no workspace yet" in caplog.text


async def test_one_process_at_a_time_has_the_journal(home: House, program: Path) -> None:
    _, token = await bot_account(home)
    async with running(program, home, token):
        assert await ask(home, "!roll 20") == "1..20"
        env = {**os.environ, "CHATCORE_TOKEN": token, "CHATCORE_BOT_DATA": str(program.parent)}
        command = [sys.executable, str(program), "--url", home.url]
        done = await trio.run_process(command, env=env, capture_stderr=True, check=False)
        assert done.returncode == 1
        assert b"dice.journal.lock is locked: the bot runs already" in done.stderr
        assert done.stderr.count(b"\n") == 1


async def test_a_token_that_is_revoked_ends_the_bot(home: House, program: Path) -> None:
    """In all of its workspaces at once, and with one line."""
    user, _ = await bot_account(home)
    other = await home.chat.workspaces.create(name="Other", slug="other", owner=home.ben, general=True)
    await home.chat.members.add(other, user, role=Role.MEMBER)
    made, token = await home.chat.tokens.create(user, name="lost")
    async with running(program, home, token) as process:
        assert await ask(home, "!roll 20") == "1..20"
        await home.chat.tokens.revoke(made.id)
        with trio.fail_after(20):
            assert await process.wait() == 1
    last = program.with_suffix(".log").read_text().splitlines()[-1]
    assert last == f"dice: {home.url} does not take this token: make another with `chatcore token create`."


class Flaky(NetworkHome):
    """A home whose workspaces end badly in all ways, one after the other."""

    ends: ClassVar[list[Exception]] = []

    @asynccontextmanager
    async def open(self, slug: str, since: Position | None) -> AsyncIterator[Place]:
        async with super().open(slug, since) as place:
            yield Broken(place, self.ends)


class Broken:
    """A workspace whose events end with an error, as long as there are some left."""

    def __init__(self, place: Place, ends: list[Exception]) -> None:
        self._place = place
        self._ends = ends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    async def events(self) -> AsyncIterator[Event]:
        if self._ends:
            raise self._ends.pop()
        async for event in self._place.events():
            yield event


async def test_a_workspace_that_ends_badly_is_entered_again(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatcore.bot import living

    monkeypatch.setattr(living, "LOOK_SECONDS", 0.05)
    _, token = await bot_account(home)
    bot = Bot("dice")

    @bot.command()
    async def roll(ctx: Context, sides: int) -> None:
        await ctx.reply(f"1..{sides}")

    Flaky.ends[:] = [Unavailable("away"), Forbidden("not now")]
    async with open_client(home.url, token=token) as client, trio.open_nursery() as nursery:
        life = Life(bot, Flaky(client, Memory()))
        await nursery.start(life.run)
        assert await ask(home, "!roll 20") == "1..20"
        assert not Flaky.ends
        life.stop.set()


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
