"""What plugins run by themselves: lifespans and jobs, supervised; switching plugins off and on."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from chatcore.errors import ConfigError
from chatcore.hooks import HookContext, Hooks, Job, State, hookimpl
from chatcore.hooks.supervision import START_LIMIT

MakeHooks = Callable[..., Hooks]


class Service:
    """Counts how often its lifespan is opened and closed; crashes when told to."""

    def __init__(self, name: str = "service") -> None:
        self.name = name
        self.chats: list[Any] = []
        self.opened_at: list[float] = []
        self.closed = 0
        self.crash = trio.Event()

    @hookimpl
    @asynccontextmanager
    async def plugin_lifespan(self, ctx: HookContext, chat: Any) -> AsyncIterator[None]:
        assert ctx.chat is chat
        self.chats.append(chat)
        self.opened_at.append(trio.current_time())
        self.crash = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._crash)
                yield
        finally:
            self.closed += 1

    async def _crash(self) -> None:
        await self.crash.wait()
        raise OSError("the line went dead")


def state(hooks: Hooks) -> State:
    return hooks.plugins()[0].state


async def test_a_lifespan_is_open_while_the_chat_is(make_hooks: MakeHooks) -> None:
    service, chat = Service(), object()
    hooks = make_hooks(service)
    async with hooks.running(chat):
        assert service.chats == [chat], "it is open before the chat is used"
        assert (service.closed, state(hooks)) == (0, State.RUNNING)
    assert service.closed == 1


async def test_a_crash_is_logged_and_shown_and_restarted_with_growing_delay(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    service, other = Service(), Service("other")
    hooks = make_hooks(service, other)
    async with hooks.running(object()):
        for delay in (1, 2, 4, 8, 16, 32, 60, 60):
            crashed = trio.current_time()
            service.crash.set()
            await trio.testing.wait_all_tasks_blocked()
            health = hooks.health()
            assert not health["ok"]
            assert health["plugins"]["service"]["state"] == "down"
            assert health["plugins"]["other"]["ok"]
            await trio.sleep(delay + 0.01)
            assert service.opened_at[-1] - crashed == pytest.approx(delay)
            assert hooks.health()["ok"]
        assert hooks.health()["plugins"]["service"]["restarts"] == 8
        assert hooks.health()["plugins"]["service"]["failures"] == 8
        await trio.sleep(100)
        crashed = trio.current_time()
        service.crash.set()
        await trio.sleep(1.01)
        assert service.opened_at[-1] - crashed == pytest.approx(1), "after a long good time the delay is short again"
    assert "the line went dead" in caplog.text
    assert other.closed == 1


async def test_a_lifespan_that_ends_by_itself_is_down_too(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock
) -> None:
    class Short:
        @hookimpl
        @asynccontextmanager
        async def plugin_lifespan(self) -> AsyncIterator[None]:
            with trio.move_on_after(5):
                yield

    hooks = make_hooks(Short())
    async with hooks.running(object()):
        await trio.sleep(5.5)
        assert state(hooks) is State.DOWN
        await trio.sleep(1)
        assert state(hooks) is State.RUNNING


@pytest.mark.parametrize("answer", [None, 7])
async def test_a_lifespan_that_is_none_takes_nothing_down(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock, answer: Any
) -> None:
    class Odd:
        @hookimpl
        def plugin_lifespan(self) -> AbstractAsyncContextManager[None]:
            return answer  # type: ignore[no-any-return]

    hooks = make_hooks(Odd())
    async with hooks.running(object()):
        assert state(hooks) is State.DOWN


async def test_the_start_does_not_wait_for_ever(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow:
        @hookimpl
        @asynccontextmanager
        async def plugin_lifespan(self) -> AsyncIterator[None]:
            await trio.sleep(START_LIMIT + 5)
            yield

    hooks = make_hooks(Slow())
    began = trio.current_time()
    async with hooks.running(object()):
        assert trio.current_time() - began == pytest.approx(START_LIMIT)
        assert state(hooks) is State.DOWN
        await trio.sleep(6)
        assert state(hooks) is State.RUNNING


async def test_a_lifespan_that_fails_while_closing_is_contained(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock
) -> None:
    class Untidy:
        @hookimpl
        @asynccontextmanager
        async def plugin_lifespan(self) -> AsyncIterator[None]:
            try:
                yield
            finally:
                raise ValueError("cannot close")

    hooks = make_hooks(Untidy())
    with trio.move_on_after(1) as scope:
        async with hooks.running(object()):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    async with hooks.running(object()):
        hooks.disable("Untidy")
        await trio.testing.wait_all_tasks_blocked()
        assert state(hooks) is State.DISABLED
    assert hooks.plugins()[0].failures == 2


async def test_disabling_and_enabling_while_running(make_hooks: MakeHooks) -> None:
    class Both(Service):
        seen: list[str]

        @hookimpl
        async def message_sent(self, message: str) -> None:
            self.seen.append(message)

    both = Both()
    both.seen = []
    hooks = make_hooks(both)

    async def say(word: str) -> None:
        hooks.did("message_sent", message=word, workspace_id="w")
        await trio.testing.wait_all_tasks_blocked()

    async with hooks.running(object()):
        await say("a")
        hooks.disable("service")
        hooks.disable("service")
        await say("b")
        assert (both.closed, state(hooks)) == (1, State.DISABLED)
        assert hooks.health()["ok"], "what was switched off on purpose is no fault"
        hooks.enable("service")
        hooks.enable("service")
        await say("c")
        assert (len(both.chats), state(hooks)) == (2, State.RUNNING)
        # At once, before the old tasks have ended.
        hooks.disable("service")
        hooks.enable("service")
        await trio.testing.wait_all_tasks_blocked()
        hooks.disable("service")
        await trio.testing.wait_all_tasks_blocked()
        assert len(both.chats) == both.closed == 3
        with pytest.raises(ConfigError, match="no plugin 'nobody'"):
            hooks.disable("nobody")
    assert both.seen == ["a", "c"]


async def test_health_includes_what_the_plugin_says(make_hooks: MakeHooks) -> None:
    class Says:
        answer: Any = None

        @hookimpl
        def plugin_health(self) -> Any:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    says = Says()
    hooks = make_hooks(says)
    for answer, ok, details in (
        ({"ok": True, "upstream": "fine"}, True, {"ok": True, "upstream": "fine"}),
        ({"ok": False}, False, {"ok": False}),
        (ValueError("oops"), False, {"ok": False}),
        (7, False, {"ok": False}),
    ):
        says.answer = answer
        facts = hooks.health()["plugins"]["Says"]
        assert (facts["ok"], facts["details"]) == (ok, details)
        assert hooks.health()["ok"] is ok


async def test_jobs_run_at_their_interval_and_survive_failures(
    make_hooks: MakeHooks, autojump_clock: trio.testing.MockClock
) -> None:
    ran: list[float] = []

    class Sweeper:
        name = "sweeper"

        @hookimpl
        def register_jobs(self, ctx: HookContext) -> Iterable[Job]:
            return [Job(name=f"sweep {ctx.plugin}", every=10, run=self.sweep)]

        async def sweep(self) -> None:
            ran.append(trio.current_time())
            if len(ran) == 2:
                raise ValueError("dust")

    hooks = make_hooks(Sweeper())
    async with hooks.running(object()):
        began = trio.current_time()
        await trio.sleep(35)
        hooks.disable("sweeper")
        await trio.sleep(35)
    assert [round(each - began) for each in ran] == [10, 20, 30]
    assert hooks.plugins()[0].failures == 1


def test_a_job_needs_an_interval() -> None:
    async def nothing() -> None:
        pass

    with pytest.raises(ValueError, match="above 0 s"):
        Job(name="busy", every=0, run=nothing)
