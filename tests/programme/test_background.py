"""Each task behind a chat and its server crashes in turn: that is logged, it starts again, and readiness shows it."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise, product

import pytest
import trio
import trio.testing
from tests.chatserver.net.waiting import until
from tests.programme.hearing import hear
from tests.programme.inside import Inside, inside

from chatcore import open_chat
from chatcore.hooks import Job, hookimpl, lifespan
from chatserver.app import serve

pytestmark = pytest.mark.programme

ENDS_THE_SERVER = {
    # The application's own task, and those that only wait for the end of what they own. A server that went on without
    # one of them would be a zombie: it would serve pages while nothing behind them works.
    "chatserver.net.lifespan.Lifespan._run",
    "chatserver.net.server.serve_listeners",
    "chatserver.gateway.gateway.Gateway.run",
}


class Crash(Exception):
    """What goes wrong."""


def raise_crash() -> None:
    raise Crash("on purpose")


class Busy:
    """A plugin with one of everything that can run."""

    name = "busy"

    @hookimpl
    @asynccontextmanager
    async def plugin_lifespan(self) -> AsyncIterator[None]:
        yield

    @hookimpl
    def register_jobs(self) -> list[Job]:
        return [Job(name="sweep", every=3600, run=self.sweep)]

    async def sweep(self) -> None:
        await trio.lowlevel.checkpoint()


def tasks_below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """A task, and all that it is responsible for."""
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from tasks_below(child)


def victims(known: set[trio.lowlevel.Task]) -> dict[str, trio.lowlevel.Task]:
    """Every task of the chat and the server that is at work, by name; `known` are those of the test.

    A task that waits for its children, who are here themselves, is not at work, nor is one that waits to start again.
    """
    root = trio.lowlevel.current_root_task()
    assert root is not None
    found: dict[str, trio.lowlevel.Task] = {}
    for task in tasks_below(root):
        if task not in known and _is_at_work(task):
            name, number = task.name, 1
            while name in found:
                number += 1
                name = f"{task.name} {number}"
            found[name] = task
    return found


def _is_at_work(task: trio.lowlevel.Task) -> bool:
    calls = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
    between_starts = any(pair in pairwise(calls) for pair in product(("_keep", "keep", "keep_open"), ["sleep"]))
    return bool(calls) and "_nested_child_finished" not in calls and not between_starts


async def crash(task: trio.lowlevel.Task) -> None:
    """Let what a task waits for raise."""
    await trio.testing.wait_all_tasks_blocked()
    task._attempt_abort(raise_crash)
    await trio.testing.wait_all_tasks_blocked()


async def ready(server: Inside) -> bool:
    """What a load balancer is told."""
    return (await server.http.get("/api/health/ready")).status_code == 200


def the_tests_own() -> set[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    return set(tasks_below(root))


async def test_each_task_crashes_is_logged_and_starts_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifespan, "FIRST_DELAY", 0.05)
    caplog.set_level(logging.INFO, logger="coredis")
    own = the_tests_own()
    async with inside(plugins=[Busy()]) as server:
        names = sorted(victims(own))
        # What this finds is what is tried; these are named so that it cannot find nothing.
        assert {"hub", "sessions", "bot tokens", "event log trimming", "presence", "rate limits", "listener 0"} <= {
            *names
        }
        assert any("keep_open" in name for name in names)
        assert set(names) >= ENDS_THE_SERVER
        for name in sorted(set(names) - ENDS_THE_SERVER):
            caplog.clear()
            before = victims(own)[name]
            await crash(before)
            words, level = _said_of(name)
            await until(lambda: words in caplog.text)  # noqa: B023  # it is called before the next turn
            assert any(each.levelno >= level for each in caplog.records), name
            await until(lambda: set(names) <= set(victims(own)))
            assert await ready(server), name


def _said_of(name: str) -> tuple[str, int]:
    """What is logged when this task crashes, and how loudly."""
    if "coredis" in name:
        # A connection to Redis on which nothing was on its way: the pool has another for the next packet, and coredis
        # does not say what broke it. One that the bus listens on is a line that broke, too.
        return "Connection closed unexpectedly", logging.INFO
    if "bus" in name.lower():
        return "on purpose", logging.WARNING  # to the bus that is a line which broke: it opens another
    return "on purpose", logging.ERROR


async def test_a_server_whose_tasks_all_crashed_serves(caplog: pytest.LogCaptureFixture) -> None:
    own = the_tests_own()
    async with inside() as server, trio.open_nursery() as nursery:
        owner = await server.person()
        team = await server.chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
        (general,) = [each.channel for each in await server.chat.channels.list(team, actor=owner.id)]
        own.add(nursery.parent_task)
        for name in set(victims(own)) - ENDS_THE_SERVER:
            task = victims(own).get(name)
            if task is not None:  # one that ended with another starts again with it
                await crash(task)
        await until(lambda: not server.chat._tasks.health()["down"])
        hearing = await hear(server, nursery, owner, team.id)
        speaker = await server.socket(owner)
        for number in range(3):
            assert (await speaker.ask("send_message", channelId=general.id, content=f"{number}"))["ok"]
        await until(lambda: len([one for one in hearing.events if one["type"] == "message_received"]) == 3)
        await until_ready(server)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["hub", "presence", "rooms", "rate limits", "busy"])
async def test_who_stays_down_is_not_ready(name: str) -> None:
    own = the_tests_own()
    async with inside(plugins=[Busy()]) as server:
        assert await ready(server)
        for _ in range(1 if name == "busy" else 4):  # the pause before the next start grows with each crash in a row
            await until(lambda: _victim(own, name) is not None)
            await crash(_victim(own, name))  # type: ignore[arg-type]
        assert not await ready(server)
        checks = (await server.http.get("/api/health/ready")).json()["checks"]
        assert not all(check["ok"] for check in checks.values())
        assert (await server.http.get("/api/health")).status_code == 200
        await until_ready(server)


def _victim(own: set[trio.lowlevel.Task], name: str) -> trio.lowlevel.Task | None:
    found = victims(own)
    if name == "busy":
        return next((task for each, task in found.items() if each.endswith("keep_open")), None)
    return found.get(name)


async def until_ready(server: Inside) -> None:
    with trio.fail_after(10):
        while not await ready(server):
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("name", sorted(ENDS_THE_SERVER))
async def test_a_server_that_cannot_go_on_ends_and_says_why(name: str) -> None:
    with pytest.raises(ExceptionGroup) as ended, trio.fail_after(5):
        await _serve_until_crash(name)
    assert ended.group_contains(Crash)


async def _serve_until_crash(name: str) -> None:
    own = the_tests_own()
    async with open_chat("memory:") as chat, trio.open_nursery() as nursery:
        await nursery.start(partial(serve, chat, port=0))
        await crash(victims(own)[name])
