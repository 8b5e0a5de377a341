"""A bot and its server are killed under load: it answers every command once."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
import trio
from tests.programme.process import Server, history, make_team, serving

from chatcore.client import Workspace, open_client
from chatcore.events import MessageReceived

COMMANDS = 400
KILLS_OF_BOT = 5
KILLS_OF_SERVER = 3

pytestmark = pytest.mark.programme

PROGRAM = """
from chatcore.bot import Bot, Context, Rate

bot = Bot("echo", rate=Rate(at_once=1000, per_second=1000))


@bot.command()
async def say(ctx: Context, number: int) -> None:
    await ctx.reply(f"answer {number}")


@bot.pattern("^hello$")
async def hello(ctx: Context) -> None:
    await ctx.reply("answer hello")


@bot.command()
async def ask(ctx: Context) -> None:
    colour = await ctx.ask("Which colour?")
    size = await ctx.ask("Which size?")
    await ctx.reply(f"ordered {colour} {size}")


bot.run()
"""


class BotProcess:
    """The bot, in a process of its own that can be killed and started again."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._token = token
        self._process: trio.Process | None = None
        (server.folder / "echo.py").write_text(PROGRAM)

    async def start(self) -> None:
        folder = self._server.folder
        more = {"CHATCORE_URL": self._server.url, "CHATCORE_TOKEN": self._token, "CHATCORE_BOT_DATA": str(folder)}
        with open(folder / "bot.log", "ab") as log:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, str(folder / "echo.py")], env={**os.environ, **more}, stderr=log
            )

    async def stop(self, number: int = signal.SIGKILL) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()


@pytest.mark.slow
async def test_a_bot_answers_every_command_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        team = await make_team(server)
        await server.command(
            "user", "create", "echo@bots.example.org", "--bot", "--name", "Echo", "--workspace", "team"
        )
        token = (await server.command("token", "create", "echo@bots.example.org", "--name", "test")).strip()
        bot = BotProcess(server, token)
        await bot.start()
        try:
            await everything_is_answered(server, team.owner.token, bot)
            assert await bot.stop(signal.SIGTERM) == 0
        finally:
            with trio.CancelScope(shield=True):
                await bot.stop()
        said = Counter(message["content"] for message in await history(team.owner, team.general))
    answers = {text: times for text, times in said.items() if text.startswith("answer ") and text[-1].isdigit()}
    assert answers == {f"answer {number}": 1 for number in range(COMMANDS)}
    assert (said["Which colour?"], said["Which size?"], said["ordered red large"]) == (1, 1, 1)


async def everything_is_answered(server: Server, token: str, bot: BotProcess) -> None:
    """Send all commands while the bot and the server die again and again; then wait for the last answer."""
    async with open_client(server.url, token=token) as client, client.workspace("team") as ws:
        talk = Talk(ws)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.listen)
            await talk.greet()
            nursery.start_soon(talk.speak)
            for kill in range(KILLS_OF_BOT + KILLS_OF_SERVER):
                await talk.until(f"answer {(kill + 1) * COMMANDS // 10}")
                if kill % 3 == 1:
                    await server.kill()
                    await server.start()
                else:
                    await bot.stop()
                    await bot.start()
            await talk.until(f"answer {COMMANDS - 1}")
            await talk.until("ordered red large")
            nursery.cancel_scope.cancel()


class Talk:
    """One person's side of it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._heard: set[str] = set()

    async def listen(self) -> None:
        async for event in self._workspace.events():
            if isinstance(event, MessageReceived):
                self._heard.add(event.message.content)

    async def until(self, text: str) -> None:
        with trio.fail_after(60):
            while text not in self._heard:  # noqa: ASYNC110 - the bot is another process
                await trio.sleep(0.05)

    async def greet(self) -> None:
        """Wait until the bot listens: its first start begins at now, and what it is to answer comes after that."""
        with trio.fail_after(60):
            while "answer hello" not in self._heard:
                await self._workspace.send("general", "hello")
                await trio.sleep(0.5)

    async def speak(self) -> None:
        await self._workspace.send("general", "!ask")
        await self.until("Which colour?")
        await self._workspace.send("general", "red")
        for number in range(COMMANDS):
            await self._workspace.send("general", f"!say {number}")
            await trio.sleep(0.02)
        await self.until("Which size?")
        await self._workspace.send("general", "large")
