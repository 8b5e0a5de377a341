"""Switching plugins off and on from another process: by the database, within a second or two."""

from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from chatcore import Config, open_chat
from chatcore.errors import ConfigError, Rejected
from chatcore.hooks import Job, Reject, hookimpl


class NoSpam:
    name = "nospam"

    def __init__(self) -> None:
        self.runs = 0

    @hookimpl(guard=True)
    async def message_will_send(self, draft: Any) -> None:
        if "spam" in draft.content:
            raise Reject("nospam", "No spam, please.")

    @hookimpl
    def register_jobs(self) -> list[Job]:
        return [Job(name="count", every=0.05, run=self._count)]

    async def _count(self) -> None:
        self.runs += 1


@attrs.frozen
class Room:
    chat: Any
    ada: Any
    channel: Any

    async def spam(self) -> None:
        await self.chat.messages.send(self.channel, author=self.ada, content="spam")


async def furnish(chat: Any) -> Room:
    ada = await chat.users.create(email="ada@example.org", display_name="Ada")
    team = await chat.workspaces.create(name="T", slug="t", owner=ada, general=True)
    (general,) = await chat.channels.list(team, actor=ada)
    return Room(chat, ada, general.channel)


async def until(true: Any) -> None:
    with trio.fail_after(10):
        while not true():  # noqa: ASYNC110 - another process has no event to give
            await trio.sleep(0.05)


async def test_another_process_switches_a_plugin_off_and_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(database_url=f"sqlite:///{tmp_path}/chat.db", secret="a secret for tests only")
    plugin = NoSpam()
    async with open_chat(config=config, plugins=[plugin]) as chat:
        room = await furnish(chat)
        with pytest.raises(Rejected):
            await room.spam()
        await until(lambda: plugin.runs)
        async with open_chat(config=config, plugins=[NoSpam()], jobs=False) as other:
            await other.switches.set("nospam", on=False)
        await until(lambda: chat.hooks.plugins()[0].state == "disabled")
        await room.spam()
        assert chat.hooks.health()["plugins"]["nospam"]["guardsOff"] == ["message_will_send"]
        assert "NOBODY GUARDS message_will_send" in caplog.text
        runs = plugin.runs
        await trio.sleep(0.2)
        assert plugin.runs == runs
        assert await chat.switches.off() == ["nospam"]

    # It outlasts a restart, and is never started meanwhile.
    async with open_chat(config=config, plugins=[plugin]) as chat:
        assert chat.hooks.plugins()[0].state == "disabled"
        await chat.switches.set("nospam", on=True)
        await until(lambda: plugin.runs > runs)
        with pytest.raises(ConfigError):
            await chat.switches.set("nosuch", on=False)


async def test_a_program_that_looks_in_does_no_periodic_work() -> None:
    plugin = NoSpam()
    async with open_chat("memory:", plugins=[plugin], jobs=False):
        await trio.sleep(0.2)
    assert plugin.runs == 0
