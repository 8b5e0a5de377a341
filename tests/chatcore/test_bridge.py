"""The bridge between Trio and an asyncio loop, on asyncio's own loop and on uvloop."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import trio
import trio.testing
import uvloop

from chatcore import bridge as module
from chatcore.bridge import Bridge, BridgeError, LoopFactory, open_bridge

Open = Callable[..., AbstractAsyncContextManager[Bridge]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def open_one(request: pytest.FixtureRequest) -> Open:
    factory: LoopFactory = request.param
    return partial(open_bridge, "bridge-under-test", loop_factory=factory)


@pytest.fixture
async def bridge(open_one: Open) -> AsyncIterator[Bridge]:
    async with open_one() as bridge:
        yield bridge


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "bridge-under-test"]


async def add(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


async def test_a_call_returns_what_its_work_returns(bridge: Bridge) -> None:
    assert await bridge.run(add, 1, 2) == 3
    assert await bridge.run(asyncio.sleep, 0.001, "woken") == "woken"


async def test_work_runs_on_the_loop_in_its_thread(bridge: Bridge) -> None:
    async def where() -> tuple[str, bool]:
        return threading.current_thread().name, asyncio.get_running_loop().is_running()

    assert await bridge.run(where) == ("bridge-under-test", True)
    assert threading.current_thread().name != "bridge-under-test"


async def test_what_work_raises_is_raised_as_it_is(bridge: Bridge) -> None:
    problem = ValueError("a problem")

    async def fail() -> None:
        raise problem

    def fail_at_once() -> None:
        raise problem

    for work in (fail, fail_at_once):
        with pytest.raises(ValueError, match="a problem") as raised:
            await bridge.run(work)  # type: ignore[arg-type]  # the second is no coroutine function
        assert raised.value is problem


async def test_calls_run_side_by_side(bridge: Bridge) -> None:
    gate, inside = asyncio.Event(), 0

    async def meet() -> None:
        nonlocal inside
        inside += 1
        if inside == 100:
            gate.set()
        await gate.wait()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(bridge.run, meet)


async def test_calls_begin_in_their_order(bridge: Bridge) -> None:
    begun: list[int] = []

    async def begin(number: int) -> None:
        begun.append(number)

    called: list[int] = []

    async def call(number: int) -> None:
        called.append(number)
        await bridge.run(begin, number)

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(call, number)
    assert begun == called


async def test_a_cancelled_caller_cancels_its_task(bridge: Bridge) -> None:
    seen: list[str] = []
    begun = trio.Event()

    async def work() -> None:
        bridge.call_soon(begun.set)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")
            raise

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.run, work)
            await begun.wait()
            nursery.cancel_scope.cancel()
    assert nursery.cancel_scope.cancelled_caught
    assert seen == ["cleaned up"]  # the caller waited for it


async def test_a_caller_that_is_cancelled_already_does_nothing(bridge: Bridge) -> None:
    ran: list[bool] = []

    async def work() -> None:
        ran.append(True)

    with trio.CancelScope() as scope:
        scope.cancel()
        await bridge.run(work)
    assert scope.cancelled_caught
    await bridge.run(add, 1, 1)
    assert ran == []


async def test_a_result_is_given_even_to_a_cancelled_caller(bridge: Bridge) -> None:
    begun = trio.Event()
    results: list[str] = []

    async def commit() -> str:
        bridge.call_soon(begun.set)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "committed"
        return "never"

    async def call() -> None:
        results.append(await bridge.run(commit))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await begun.wait()
        nursery.cancel_scope.cancel()
    assert results == ["committed"]


async def test_an_error_while_being_cancelled_is_raised(bridge: Bridge) -> None:
    begun = trio.Event()

    async def work() -> None:
        bridge.call_soon(begun.set)
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("lost while going")

    with pytest.RaisesGroup(OSError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.run, work)
            await begun.wait()
            nursery.cancel_scope.cancel()


async def test_a_task_that_is_cancelled_over_there_is_an_error_here(bridge: Bridge) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)

    with pytest.raises(BridgeError, match="cancelled"):
        await bridge.run(work)
    assert await bridge.run(add, 1, 1) == 2


async def test_what_is_called_back_has_happened_before_the_caller_resumes(bridge: Bridge) -> None:
    heard: list[str] = []

    async def work(number: int) -> int:
        bridge.call_soon(heard.append, f"call {number}")
        return number

    for number in range(20):
        assert await bridge.run(work, number) == number
        assert len(heard) == number + 1


async def test_what_is_called_back_runs_in_the_trio_thread(bridge: Bridge) -> None:
    names: list[str] = []

    async def work() -> None:
        bridge.call_soon(lambda: names.append(threading.current_thread().name))

    await bridge.run(work)
    assert names == [threading.current_thread().name]


async def test_a_signal_is_not_waited_for_and_keeps_its_place(bridge: Bridge) -> None:
    heard: list[int] = []

    async def count() -> int:
        return len(heard)

    for number in range(20):
        bridge.signal(heard.append, number)
        assert len(heard) <= number + 1
        if number % 5 == 0:
            assert await bridge.run(count) == number + 1
    assert await bridge.run(count) == 20
    assert heard == list(range(20))


async def test_a_call_back_that_fails_harms_nobody(bridge: Bridge, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError("broken call back")

    async def work() -> str:
        bridge.call_soon(broken)
        return "fine"

    assert await bridge.run(work) == "fine"
    assert "broken call back" in caplog.text


async def test_what_is_ready_together_goes_over_together(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    wakes = 0
    wake = bridge._wake_trio

    def counting(function: Callable[[], None]) -> None:
        nonlocal wakes
        wakes += 1
        wake(function)

    monkeypatch.setattr(bridge, "_wake_trio", counting)
    gate = asyncio.Event()
    waiting = 0

    async def wait() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 200:
            gate.set()
        await gate.wait()

    async with trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(bridge.run, wait)
    assert wakes <= 4


async def test_more_calls_than_there_are_places_wait_in_trio(open_one: Open) -> None:
    inside, most = 0, 0
    withdrawn: list[int] = []

    async def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.002)
        inside -= 1

    async with open_one(max_calls=3) as bridge:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(bridge.run, work)
        assert most == 3

        async def give_up(number: int) -> None:
            with trio.CancelScope() as scope:
                nursery.start_soon(_cancel_soon, scope)
                await bridge.run(work)
            if scope.cancelled_caught:
                withdrawn.append(number)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(bridge.run, partial(asyncio.sleep, 0.05))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(give_up, 1)
        assert withdrawn == [1]
        assert inside == 0


async def _cancel_soon(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_closing_cancels_what_runs_and_waits_for_it(open_one: Open) -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    async def call(bridge: Bridge) -> None:
        with pytest.raises(BridgeError):
            await bridge.run(work)
        seen.append("told")

    async with trio.open_nursery() as nursery:
        async with open_one() as bridge:
            nursery.start_soon(call, bridge)
            await trio.testing.wait_all_tasks_blocked(0.05)
        assert seen[0] == "cleaned up"
    assert seen == ["cleaned up", "told"]
    assert threads() == []


async def test_closing_ends_what_was_started_on_the_side(open_one: Open) -> None:
    ended: list[bool] = []
    tasks: list[asyncio.Task[None]] = []

    async def aside() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def work() -> None:
        tasks.append(asyncio.create_task(aside()))
        await asyncio.sleep(0.01)

    async with open_one() as bridge:
        await bridge.run(work)
    assert ended == [True]


async def test_a_closed_bridge_says_so(open_one: Open) -> None:
    async with open_one() as bridge:
        pass
    with pytest.raises(BridgeError, match="closed"):
        await bridge.run(add, 1, 2)
    with pytest.raises(BridgeError, match="closed"):
        bridge.signal(print)


async def test_closing_under_cancellation_is_orderly_too(open_one: Open) -> None:
    with trio.CancelScope() as scope:
        async with open_one():
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert threads() == []


async def test_a_loop_that_breaks_down_leaves_nobody_waiting(open_one: Open, caplog: pytest.LogCaptureFixture) -> None:
    async def exit_thread() -> None:
        raise SystemExit(3)

    async def wait(bridge: Bridge) -> None:
        with pytest.raises(BridgeError):
            await bridge.run(asyncio.sleep, 60)

    with trio.fail_after(10):
        async with open_one() as bridge:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait, bridge)
                await trio.testing.wait_all_tasks_blocked(0.01)
                with pytest.raises((SystemExit, BridgeError)):
                    await bridge.run(exit_thread)
            with pytest.raises(BridgeError):
                await _call_on(bridge)
    assert "broke" in caplog.text


async def _call_on(bridge: Bridge) -> None:
    while True:  # until its last task has ended, a loop answers
        await bridge.run(add, 1, 2)


async def test_a_loop_that_cannot_be_made_is_an_error_at_once() -> None:
    def broken() -> asyncio.AbstractEventLoop:
        raise OSError("no more descriptors")

    with pytest.raises(OSError, match="descriptors"):
        async with open_bridge("bridge-under-test", loop_factory=broken):
            pass
    assert threads() == []


async def test_a_blocked_loop_does_not_hold_up_the_end(
    open_one: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    release = threading.Event()

    async def block() -> None:
        release.wait(10)

    async def call(bridge: Bridge) -> None:
        with pytest.raises(BridgeError):
            await bridge.run(block)

    with caplog.at_level(logging.ERROR), trio.fail_after(5):
        async with trio.open_nursery() as nursery, open_one() as bridge:
            nursery.start_soon(call, bridge)
            await trio.testing.wait_all_tasks_blocked(0.01)
    assert "did not end" in caplog.text
    release.set()
    await trio.to_thread.run_sync(bridge._thread.join, 5)
    assert threads() == []


async def test_uvloop_is_used_where_it_is_installed() -> None:
    async def kind() -> str:
        return type(asyncio.get_running_loop()).__module__

    async with open_bridge("bridge-under-test") as bridge:
        assert (await bridge.run(kind)).startswith("uvloop")


async def test_two_bridges_are_two_threads(open_one: Open) -> None:
    async with open_one() as first, open_one() as second:
        assert await first.run(add, 1, 1) == await second.run(add, 0, 2)
        assert len(threads()) == 2
