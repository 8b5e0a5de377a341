"""Opening a chat in a program, and what goes on in it by itself."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from chatcore import open_chat
from chatcore.chat import data_dir
from chatcore.config import Config
from chatcore.errors import ConfigError, PositionLost, Unavailable
from chatcore.model import Position
from chatcore.testing.clock import FakeClock

EMBEDDED = """
import trio
from chatcore import open_chat

async def main():
    async with open_chat("{url}") as chat:
        user = await chat.users.create(email="owner@example.org", display_name="Owner")
        team = await chat.workspaces.create(name="Team", slug="team", owner=user)
        general = await chat.channels.create(team, name="general", actor=user)
        async with chat.subscribe(user, team) as events:
            await chat.messages.send(general, author=user, content="Hello, world")
            async for event in events:
                if event.type == "message_received":
                    print(event.message.content)
                    break

trio.run(main)
"""


@pytest.mark.parametrize("url", ["memory:", "sqlite:///team.db"])
def test_the_example_of_embedding_runs_as_it_stands(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", EMBEDDED.format(url=url)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, world\n", "")
    assert (tmp_path / "team.db").exists() == url.startswith("sqlite")


async def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url) as chat:
        owner = await chat.users.create(email="owner@example.org")
        ann = await chat.users.create(email="ann@example.org")
        team = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
        await chat.members.add(team, ann)
        (general,) = await chat.channels.list(team, actor=owner)
        position = await chat.hub.position(team.id)
        sent = await chat.messages.send(general.channel, author=owner, content="Hello", temp_id="c0ffee")
    async with open_chat(url) as chat:
        assert (await chat.messages.history(general.channel, actor=ann)).messages == (sent,)
        (summary,) = await chat.channels.list(team, actor=ann)
        assert summary.read.unread_count == 1
        assert await chat.messages.send(general.channel, author=owner, content="Hello", temp_id="c0ffee") == sent
        async with chat.subscribe(ann, team, since=position) as events:
            assert (await anext(events)).seq == sent.seq


async def test_two_chats_live_in_one_process() -> None:
    async with open_chat("memory:") as one, open_chat("memory:") as other:
        for chat in (one, other):
            await chat.users.create(email="owner@example.org")
        assert (await one.users.list()) != (await other.users.list())


async def test_health_tells_of_every_part() -> None:
    async with open_chat("memory:") as chat:
        health = await chat.health()
        assert health["ok"] is True
        assert all(health[part]["ok"] is True for part in ("storage", "bus", "presence", "plugins", "tasks"))


async def test_after_it_is_closed_nothing_is_done(tmp_path: Path) -> None:
    for url in ("memory:", f"sqlite:///{tmp_path}/chat.db"):
        async with open_chat(url) as chat:
            pass
        with pytest.raises(Unavailable):
            await chat.users.create(email="late@example.org")


@pytest.mark.parametrize("url", ["", "team.db", "oracle://x", "sqlite:team.db", "sqlite:////proc/none/chat.db"])
async def test_a_database_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(ConfigError):
        async with open_chat(url):
            pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("memory:", None),
        ("sqlite:///team.db", Path()),
        ("sqlite:////var/lib/chat/team.db", Path("/var/lib/chat")),
        ("postgresql://host/chat", Path()),
    ],
)
def test_where_small_files_are_kept(url: str, directory: Path | None) -> None:
    assert data_dir(url) == directory


async def test_the_log_is_kept_for_seven_days(autojump_clock: trio.testing.MockClock) -> None:
    clock = FakeClock()
    async with open_chat(config=Config(database_url="memory:"), clock=clock) as chat:
        owner = await chat.users.create(email="owner@example.org")
        team = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=True)
        clock.jump(6 * 24 * 3600)
        await chat.workspaces.update(team, actor=owner, name="After six days")
        await trio.sleep(3700)
        start = Position(epoch=chat.storage.epoch, seq=0)
        async with chat.subscribe(owner, team, since=start) as events:
            assert (await anext(events)).seq == 1
        clock.jump(24 * 3600)
        await trio.sleep(3700)
        with pytest.raises(PositionLost):
            async with chat.subscribe(owner, team, since=start):
                pytest.fail("it was resumed")
        newest = await chat.hub.position(team.id)
        since = Position(epoch=newest.epoch, seq=newest.seq - 1)
        async with chat.subscribe(owner, team, since=since) as events:
            assert (await anext(events)).type == "workspace_updated"
