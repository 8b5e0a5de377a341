"""Observers: told in order, off the path, each plugin by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from chatcore.hooks import Hooks, hookimpl
from chatcore.hooks.lifespan import OBSERVER_LIMIT
from chatcore.hooks.observers import QUEUE_LENGTH

MakeHooks = Callable[..., Hooks]


class Watch:
    """Notes what it is told, after `delay` seconds each; raises for the words in `bad`."""

    def __init__(self, name: str = "watch", delay: float = 0, bad: tuple[str, ...] = ()) -> None:
        self.name = name
        self.delay = delay
        self.bad = bad
        self.seen: list[Any] = []

    @hookimpl
    async def message_sent(self, message: Any) -> None:
        await trio.sleep(self.delay)
        if message in self.bad:
            raise ValueError(message)
        self.seen.append(message)


def say(hooks: Hooks, *words: str) -> None:
    for word in words:
        hooks.did("message_sent", message=word, workspace_id="w")


async def test_every_observer_is_told_in_order(make_hooks: MakeHooks) -> None:
    one, two = Watch("one"), Watch("two")
    hooks = make_hooks(one, two)
    async with hooks.running(object()):
        say(hooks, "a", "b", "c")
        assert one.seen == [], "telling does not wait for those who are told"
        await trio.testing.wait_all_tasks_blocked()
        assert one.seen == two.seen == ["a", "b", "c"]


async def test_what_happens_before_the_workers_run_is_kept_for_them(make_hooks: MakeHooks) -> None:
    watch = Watch()
    hooks = make_hooks(watch)
    say(hooks, "early")
    async with hooks.running(object()):
        pass
    assert watch.seen == ["early"]


async def test_plain_functions_observe_too(make_hooks: MakeHooks) -> None:
    seen: list[str] = []

    class Plain:
        @hookimpl
        def message_sent(self, workspace_id: str) -> None:
            seen.append(workspace_id)

    hooks = make_hooks(Plain())
    async with hooks.running(object()):
        say(hooks, "a")
    assert seen == ["w"]


async def test_a_crash_is_contained_and_counted(make_hooks: MakeHooks, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(bad=("b",))
    hooks = make_hooks(watch)
    async with hooks.running(object()):
        say(hooks, "a", "b", "c")
    assert watch.seen == ["a", "c"]
    assert hooks.plugins()[0].failures == 1
    assert "plugin watch failed in message_sent" in caplog.text


async def test_a_slow_plugin_holds_up_only_itself(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock
) -> None:
    slow, quick = Watch("slow", delay=OBSERVER_LIMIT * 2), Watch("quick")
    hooks = make_hooks(slow, quick)
    with trio.CancelScope() as scope:
        async with hooks.running(object()):
            say(hooks, "a", "b")
            await trio.sleep(10)
            assert quick.seen == ["a", "b"]
            info = hooks.plugins()[0]
            assert (info.queued, info.lag) == (2, pytest.approx(10))
            await trio.sleep(OBSERVER_LIMIT)
            info = hooks.plugins()[0]
            assert (info.queued, info.failures) == (1, 1), "the one that hung is given up"
            slow.delay = 0
            await trio.sleep(OBSERVER_LIMIT)
            assert (slow.seen, hooks.plugins()[0].queued, hooks.plugins()[0].lag) == ([], 0, 0)
            say(hooks, "c")
            await trio.testing.wait_all_tasks_blocked()
            assert slow.seen == ["c"]
            scope.cancel()


async def test_a_full_queue_drops_and_says_so_once(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(delay=0.001)
    hooks = make_hooks(watch)
    words = [str(number) for number in range(QUEUE_LENGTH + 7)]
    async with hooks.running(object()):
        say(hooks, *words)
        assert hooks.plugins()[0].dropped == 7
        assert caplog.text.count("is too slow") == 1
        await trio.sleep(10)
        assert watch.seen == words[:QUEUE_LENGTH]
        say(hooks, *words)
        assert caplog.text.count("is too slow") == 2
        assert hooks.plugins()[0].dropped == 14


async def test_closing_lets_observers_catch_up_for_a_while(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(delay=0.6)
    hooks = make_hooks(watch)
    async with hooks.running(object()):
        say(hooks, *"abcdef")
    assert watch.seen == ["a", "b", "c"]
    assert "plugins had not handled 3 facts when the chat was closed" in caplog.text


async def test_nobody_listening_costs_no_queue(make_hooks: MakeHooks) -> None:
    hooks = make_hooks(Watch())
    assert hooks.has("message_sent")
    assert not hooks.has("message_deleted")
    hooks.did("message_deleted", message="m", workspace_id="w", user_id="u")
    assert hooks.plugins()[0].queued == 0


async def test_what_is_raised_inside_comes_out_as_it_is(make_hooks: MakeHooks) -> None:
    with pytest.raises(LookupError, match="mine"):
        async with make_hooks(Watch()).running(object()):
            raise LookupError("mine")


async def test_cancellation_does_not_wait_for_observers(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock
) -> None:
    hooks = make_hooks(Watch(delay=5))
    began = trio.current_time()
    with trio.move_on_after(1) as scope:
        async with hooks.running(object()):
            say(hooks, "a", "b")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(1)
