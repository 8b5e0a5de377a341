"""Plugins at their worst, in a real chat: sends go on in time, and the operator sees which plugin it was."""

import time
from typing import Any

import pytest
import trio

from chatcore import Config
from chatcore.errors import Internal, Rejected, Unavailable
from chatcore.hooks import Hooks, SlashCommand, hookimpl

LIMIT_MS = 200
SLACK = 1.0
"""Seconds that a send may take beyond the deadline, on a machine that others use."""


class Sleeper:
    name = "sleeper"

    @hookimpl
    async def message_will_send(self) -> None:
        await trio.sleep_forever()


class Raiser:
    name = "raiser"

    @hookimpl
    async def message_will_send(self) -> None:
        raise RuntimeError("boom")


class Garbage:
    name = "garbage"

    @hookimpl
    async def message_will_send(self) -> str:
        return "garbage"


class Blocker:
    """Does what no plugin may: it blocks the loop."""

    name = "blocker"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    @hookimpl
    async def message_will_send(self) -> None:
        await trio.lowlevel.checkpoint()
        time.sleep(self.seconds)  # noqa: ASYNC251 - this is the fault that is tried


def config() -> Config:
    return Config(hook_deadline_ms=LIMIT_MS)


@pytest.mark.parametrize(("plugin", "seen"), [(Sleeper(), "timeouts"), (Raiser(), "failures"), (Garbage(), "failures")])
async def test_a_send_goes_on_and_the_plugin_is_named(
    chat_kit: Any, plugin: Any, seen: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_kit(plugins=[plugin], config=config()) as kit:
        with trio.fail_after(LIMIT_MS / 1000 + SLACK):
            await kit.say("ada", "hello")
        assert await kit.history() == ["hello"]
        mine = kit.chat.hooks.health()["plugins"][plugin.name]
        assert mine[seen] == 1
        assert mine["calls"] == 1
        assert f"plugin {plugin.name}" in caplog.text


async def test_one_that_blocks_the_loop_is_named_with_its_hook_and_its_time(
    chat_kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_kit(plugins=[Blocker(0.4), Sleeper()], config=config()) as kit:
        await kit.say("ada", "hello")
        assert await kit.history() == ["hello"]
        plugins = kit.chat.hooks.health()["plugins"]
        assert plugins["blocker"]["blocks"] == 1
        assert 0.4 <= plugins["blocker"]["longestBlock"] < 0.4 + SLACK
        assert plugins["sleeper"]["blocks"] == 0
        assert "plugin blocker, message_will_send: blocked the loop, and everybody with it, for 0.4" in caplog.text


@pytest.mark.slow
async def test_five_seconds_of_blocking_delay_and_do_not_stop(chat_kit: Any) -> None:
    async with chat_kit(plugins=[Blocker(5)], config=config()) as kit:
        with trio.fail_after(5 + SLACK):
            await kit.say("ada", "hello")
        assert kit.chat.hooks.health()["plugins"]["blocker"]["longestBlock"] >= 5


async def test_a_plugin_is_switched_off_while_others_send(chat_kit: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Guard:
        name = "strict"

        @hookimpl(guard=True)
        async def message_will_send(self, draft: Any) -> None:
            raise RuntimeError("cannot say")

    async with chat_kit(plugins=[Guard()]) as kit:
        with pytest.raises(Rejected):
            await kit.say("ada", "hello")
        kit.chat.hooks.disable("strict")
        await kit.say("ada", "hello")
        assert "NOBODY GUARDS message_will_send" in caplog.text
        assert kit.chat.hooks.health()["plugins"]["strict"]["guardsOff"] == ["message_will_send"]
        kit.chat.hooks.enable("strict")
        with pytest.raises(Rejected):
            await kit.say("ada", "hello again")


async def test_work_that_somebody_asked_for_is_contained_too() -> None:
    hooks = Hooks(config(), [Sleeper()], use_installed=False)

    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(Unavailable, match="took longer"):
        await hooks.run("sleeper", "/nap", trio.sleep_forever)
    with pytest.raises(Internal, match="sleeper failed"):
        await hooks.run("sleeper", "/fail", fails)
    hooks.disable("sleeper")
    with pytest.raises(Unavailable, match="switched off"):
        await hooks.run("sleeper", "/nap", trio.sleep_forever)
    [info] = hooks.plugins()
    assert (info.calls, info.failures, info.timeouts) == (2, 2, 1)


async def test_cancelling_the_caller_of_a_plugin_passes_through() -> None:
    hooks = Hooks(Config(hook_deadline_ms=60_000), [Sleeper()], use_installed=False)
    with trio.move_on_after(0.05) as scope:
        await hooks.run("sleeper", "/nap", trio.sleep_forever)
    assert scope.cancelled_caught
    assert hooks.plugins()[0].failures == 0


def test_two_plugins_cannot_have_one_command() -> None:
    async def run(_: Any) -> None: ...

    class One:
        name = "one"

        @hookimpl
        def register_slash_commands(self) -> list[SlashCommand]:
            return [SlashCommand(name="roll", about="", run=run)]

    class Two(One):
        name = "two"

    with pytest.raises(Exception, match="one and two both have the command /roll"):
        Hooks(Config(), [One(), Two()], use_installed=False)
    with pytest.raises(ValueError, match="without its slash"):
        SlashCommand(name="/roll", about="", run=run)
