"""Wrappers around one operation: they run before and after it, and never become its fate."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from chatcore.errors import NotFound, Rejected, Unavailable
from chatcore.hooks import Hooks, Reject, hookimpl
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]
Manager = Callable[[], AbstractAsyncContextManager[None]]


class Wrap:
    """Wraps with the manager that it is given."""

    def __init__(self, name: str, manager: Manager) -> None:
        self.name = name
        self.manager = manager

    @hookimpl
    def around_message_send(self) -> AbstractAsyncContextManager[None]:
        return self.manager()


def noting(notes: list[str], name: str) -> Wrap:
    @asynccontextmanager
    async def manager() -> AsyncIterator[None]:
        notes.append(f"{name} before")
        try:
            yield
        except BaseException as error:
            notes.append(f"{name} saw {type(error).__name__}")
            raise
        notes.append(f"{name} after")

    return Wrap(name, manager)


@pytest.fixture
def notes() -> list[str]:
    return []


async def operate(hooks: Hooks, draft: Draft, operation: Callable[[], Any] = lambda: None) -> None:
    async with hooks.around("around_message_send", draft=draft):
        answer = operation()
        if hasattr(answer, "__await__"):
            await answer


def fail() -> None:
    raise NotFound.of("channel")


async def test_without_wrappers_the_operation_just_runs(make_hooks: MakeHooks, draft: Draft) -> None:
    hooks = make_hooks()
    await operate(hooks, draft)
    with pytest.raises(NotFound):
        await operate(hooks, draft, fail)


async def test_wrappers_nest_in_order(make_hooks: MakeHooks, draft: Draft, notes: list[str]) -> None:
    hooks = make_hooks(noting(notes, "a"), noting(notes, "b"))
    await operate(hooks, draft, lambda: notes.append("operation"))
    assert notes == ["a before", "b before", "operation", "b after", "a after"]


async def test_the_example_of_the_reference_is_accepted(make_hooks: MakeHooks, draft: Draft) -> None:
    seen: list[float] = []

    class Timing:
        @hookimpl
        @asynccontextmanager
        async def around_message_send(self, ctx: Any, draft: Draft) -> AsyncIterator[None]:
            began = trio.current_time()
            yield
            seen.append(trio.current_time() - began)

    await operate(make_hooks(Timing()), draft)
    assert len(seen) == 1


async def test_an_error_of_the_operation_is_seen_and_comes_out(
    make_hooks: MakeHooks, draft: Draft, notes: list[str]
) -> None:
    hooks = make_hooks(noting(notes, "a"))
    with pytest.raises(NotFound):
        await operate(hooks, draft, fail)
    assert notes == ["a before", "a saw NotFound"]
    assert hooks.plugins()[0].failures == 0


async def test_an_error_cannot_be_swallowed_or_replaced(make_hooks: MakeHooks, draft: Draft) -> None:
    @asynccontextmanager
    async def swallow() -> AsyncIterator[None]:
        try:
            yield
        except Exception:
            pass

    @asynccontextmanager
    async def replace() -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            raise ValueError("something else") from error

    for manager, failures in ((swallow, 0), (replace, 1)):
        hooks = make_hooks(Wrap("odd", manager))
        with pytest.raises(NotFound):
            await operate(hooks, draft, fail)
        assert hooks.plugins()[0].failures == failures


async def test_an_error_in_a_plugins_nursery_comes_out_bare(make_hooks: MakeHooks, draft: Draft) -> None:
    @asynccontextmanager
    async def nursery() -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            yield
            nursery.cancel_scope.cancel()

    hooks = make_hooks(Wrap("nursery", nursery))
    with pytest.raises(NotFound):
        await operate(hooks, draft, fail)
    await operate(hooks, draft)
    assert hooks.plugins()[0].failures == 0


async def test_who_fails_before_is_left_out(
    make_hooks: MakeHooks, draft: Draft, notes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise ValueError("no")
        yield

    hooks = make_hooks(noting(notes, "a"), Wrap("broken", broken), noting(notes, "c"))
    await operate(hooks, draft, lambda: notes.append("operation"))
    assert notes == ["a before", "c before", "operation", "c after", "a after"]
    assert "plugin broken failed in around_message_send" in caplog.text


async def test_who_fails_after_changes_nothing(make_hooks: MakeHooks, draft: Draft, notes: list[str]) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        yield
        raise Reject("late", "Too late to refuse.")

    hooks = make_hooks(noting(notes, "a"), Wrap("broken", broken))
    await operate(hooks, draft)
    assert notes == ["a before", "a after"]
    assert hooks.plugins()[1].failures == 1


@pytest.mark.parametrize("answer", [None, 7, "text"])
async def test_what_is_no_context_manager_is_left_out(make_hooks: MakeHooks, draft: Draft, answer: Any) -> None:
    hooks = make_hooks(Wrap("odd", lambda: answer))
    ran: list[bool] = []
    await operate(hooks, draft, lambda: ran.append(True))
    assert ran == [True]
    assert hooks.plugins()[0].failures == 1


async def test_refusing_before_closes_those_that_are_open(
    make_hooks: MakeHooks, draft: Draft, notes: list[str]
) -> None:
    @asynccontextmanager
    async def refuse() -> AsyncIterator[None]:
        raise Reject("closed", "Not now.")
        yield

    with pytest.raises(Rejected, match="Not now"):
        await operate(make_hooks(noting(notes, "a"), Wrap("b", refuse)), draft, lambda: notes.append("operation"))
    assert notes == ["a before", "a saw Rejected"]


async def test_before_and_after_have_a_deadline_and_the_operation_has_none(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def hang_before() -> AsyncIterator[None]:
        await trio.sleep_forever()
        yield

    @asynccontextmanager
    async def hang_after() -> AsyncIterator[None]:
        yield
        await trio.sleep_forever()

    for manager in (hang_before, hang_after):
        hooks = make_hooks(Wrap("slow", manager))
        ran: list[bool] = []

        async def long_operation(ran: list[bool] = ran) -> None:
            await trio.sleep(60)
            ran.append(True)

        began = trio.current_time()
        await operate(hooks, draft, long_operation)
        assert trio.current_time() - began == pytest.approx(62)
        assert ran == [True]
        assert hooks.plugins()[0].failures == 1
    assert caplog.text.count("plugin slow, around_message_send: took longer than 2 s") == 2


async def test_cancellation_of_the_caller_passes(
    make_hooks: MakeHooks, draft: Draft, notes: list[str], autojump_clock: trio.testing.MockClock
) -> None:
    hooks = make_hooks(noting(notes, "a"))
    with trio.move_on_after(1) as scope:
        await operate(hooks, draft, trio.sleep_forever)
    assert scope.cancelled_caught
    assert notes == ["a before", "a saw Cancelled"]


async def test_a_plugin_that_keeps_a_cancellation_cannot_keep_it(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    @asynccontextmanager
    async def keep() -> AsyncIterator[None]:
        try:
            yield
        except trio.Cancelled:
            pass

    with trio.move_on_after(1) as scope:
        await operate(make_hooks(Wrap("keeper", keep)), draft, trio.sleep_forever)
        pytest.fail("the caller was cancelled")
    assert scope.cancelled_caught


async def test_a_plugin_that_stops_the_operation_is_named(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    @asynccontextmanager
    async def impatient() -> AsyncIterator[None]:
        with trio.move_on_after(1):
            yield

    with pytest.raises(Unavailable, match="impatient"):
        await operate(make_hooks(Wrap("impatient", impatient)), draft, trio.sleep_forever)
