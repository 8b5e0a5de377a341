"""Filters: what they may do, in which order, and what their failures cost."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from chatcore.errors import Rejected
from chatcore.hooks import HookContext, Hooks, Reject, hookimpl
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]


class Append:
    """Adds its mark to what is sent."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    async def message_will_send(self, draft: Draft) -> Draft:
        return attrs.evolve(draft, content=draft.content + self.name)


class Early(Append):
    @hookimpl(phase="early")
    async def message_will_send(self, draft: Draft) -> Draft:
        return await super().message_will_send(draft)


class Late(Append):
    @hookimpl(phase="late")
    async def message_will_send(self, draft: Draft) -> Draft:
        return await super().message_will_send(draft)


class Answer:
    """Answers whatever it is told to; raises it when it is an exception."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name = name
        self.answer = answer

    @hookimpl
    async def message_will_send(self) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Hang:
    name = "hang"

    @hookimpl
    async def message_will_send(self) -> None:
        await trio.sleep_forever()


async def sent(hooks: Hooks, draft: Draft) -> str:
    changed: Draft = await hooks.filter("message_will_send", value=draft)
    return changed.content


async def test_without_implementations_the_value_is_returned_as_it_is(make_hooks: MakeHooks, draft: Draft) -> None:
    assert await make_hooks().filter("message_will_send", value=draft) is draft


async def test_none_means_unchanged(make_hooks: MakeHooks, draft: Draft) -> None:
    assert await make_hooks(Answer("a", None)).filter("message_will_send", value=draft) is draft


async def test_order_is_phase_then_configuration_then_name(make_hooks: MakeHooks, draft: Draft) -> None:
    hooks = make_hooks(Late("z"), Append("c"), Late("a"), Append("b"), Early("y"))
    assert await sent(hooks, draft) == "helloycbza"


async def test_arguments_are_pruned_by_name(make_hooks: MakeHooks) -> None:
    seen: list[Any] = []

    class Picky:
        @hookimpl
        async def permission_check(self, *, channel_id: str, action: str) -> None:
            seen.append((channel_id, action))

    class Indifferent:
        @hookimpl
        async def permission_check(self) -> None:
            seen.append("asked")

    await make_hooks(Picky(), Indifferent()).filter(
        "permission_check", action="message.send", user_id="u", workspace_id="w", channel_id="c"
    )
    assert seen == [("c", "message.send"), "asked"]


async def test_plain_and_decorated_functions_are_called_too(make_hooks: MakeHooks, draft: Draft) -> None:
    class Plain:
        @hookimpl
        def message_will_send(self, draft: Draft) -> Draft:
            return attrs.evolve(draft, content=draft.content + "1")

    def hidden(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    class Decorated:
        @hookimpl
        @hidden
        async def message_will_send(self, draft: Draft) -> Draft:
            return attrs.evolve(draft, content=draft.content + "2")

    assert await sent(make_hooks(Plain(), Decorated()), draft) == "hello12"


async def test_reject_refuses_with_code_text_and_plugin(make_hooks: MakeHooks, draft: Draft) -> None:
    hooks = make_hooks(Answer("nospam", Reject("spam", "No spam, please.")), Append("b"))
    with pytest.raises(Rejected, match="No spam, please") as caught:
        await sent(hooks, draft)
    assert caught.value.details == {"code": "spam", "text": "No spam, please.", "plugin": "nospam"}
    assert hooks.plugins()[0].failures == 0, "a refusal is no failure"


async def test_reject_out_of_a_nursery_is_found(make_hooks: MakeHooks, draft: Draft) -> None:
    class Nested:
        name = "nested"

        @hookimpl
        async def message_will_send(self) -> None:
            async def refuse() -> None:
                raise Reject("deep", "Found.")

            async with trio.open_nursery() as outer, trio.open_nursery() as inner:
                outer.start_soon(trio.sleep_forever)
                inner.start_soon(refuse)

    with pytest.raises(Rejected, match="Found") as caught:
        await sent(make_hooks(Nested()), draft)
    assert caught.value.details["code"] == "deep"


async def test_a_crash_is_logged_and_the_next_goes_on(
    make_hooks: MakeHooks, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = make_hooks(Append("a"), Answer("broken", KeyError("oops")), Append("b"))
    assert await sent(hooks, draft) == "helloab"
    assert [info.failures for info in hooks.plugins()] == [0, 1, 0]
    assert "plugin broken failed in message_will_send" in caplog.text


@pytest.mark.parametrize("garbage", ["text", 7, object(), [], {"content": "x"}, False])
async def test_garbage_is_logged_and_ignored(
    make_hooks: MakeHooks, draft: Draft, caplog: pytest.LogCaptureFixture, garbage: Any
) -> None:
    hooks = make_hooks(Answer("odd", garbage), Append("b"))
    assert await sent(hooks, draft) == "hellob"
    assert hooks.plugins()[0].failures == 1
    assert "odd" in caplog.text


@pytest.mark.parametrize("content", [None, 7, b"bytes", ["list"]])
async def test_a_field_of_the_wrong_type_is_garbage(make_hooks: MakeHooks, draft: Draft, content: Any) -> None:
    hooks = make_hooks(Answer("odd", attrs.evolve(draft, content=content)), Append("b"))
    assert await sent(hooks, draft) == "hellob"
    assert hooks.plugins()[0].failures == 1


async def test_fields_that_may_not_change_are_put_back_after_every_plugin(make_hooks: MakeHooks, draft: Draft) -> None:
    seen: list[Draft] = []

    class Thief:
        @hookimpl
        async def message_will_send(self, draft: Draft) -> Draft:
            return attrs.evolve(draft, author_id="mallory", channel_id="elsewhere", id="other", content="mine")

    class Witness:
        @hookimpl
        async def message_will_send(self, draft: Draft) -> None:
            seen.append(draft)

    after = await make_hooks(Thief(), Witness()).filter("message_will_send", value=draft)
    assert after == attrs.evolve(draft, content="mine")
    assert seen == [after]


async def test_a_filter_of_many_values_is_pinned_one_by_one(make_hooks: MakeHooks, draft: Draft) -> None:
    class Batch:
        answer: Any = None

        @hookimpl
        async def messages_will_deliver(self, messages: tuple[Any, ...]) -> Any:
            return self.answer(messages)

    batch = Batch()
    hooks = make_hooks(batch)
    two = (draft, attrs.evolve(draft, id="00000000-0000-7000-8000-000000000009"))

    batch.answer = lambda messages: [attrs.evolve(each, content="***", id="x") for each in messages]
    after = await hooks.filter("messages_will_deliver", value=two, user_id="u")
    assert after == tuple(attrs.evolve(each, content="***") for each in two)
    for wrong in (lambda messages: messages[:1], lambda messages: "ab", lambda messages: [None, *messages[1:]]):
        batch.answer = wrong
        assert await hooks.filter("messages_will_deliver", value=two, user_id="u") == two


async def test_a_filter_without_a_value_may_not_answer(make_hooks: MakeHooks, draft: Draft) -> None:
    class Odd:
        @hookimpl
        async def login_will_succeed(self, user: Any) -> bool:
            return False

    hooks = make_hooks(Odd())
    assert await hooks.filter("login_will_succeed", user=draft) is None
    assert hooks.plugins()[0].failures == 1


async def test_a_hanging_filter_costs_the_deadline_and_no_more(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = make_hooks(Append("a"), Hang(), Append("b"))
    began = trio.current_time()
    assert await sent(hooks, draft) == "helloa"
    assert trio.current_time() - began == pytest.approx(2)
    assert "plugin hang, message_will_send: took longer than 2 s; no time was left for b" in caplog.text
    assert [info.failures for info in hooks.plugins()] == [0, 1, 0]


async def test_the_deadline_is_one_for_the_chain_and_configurable(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    class Slow(Append):
        @hookimpl
        async def message_will_send(self, draft: Draft) -> Draft:
            await trio.sleep(0.2)
            return await super().message_will_send(draft)

    hooks = make_hooks(Slow("a"), Slow("b"), Slow("c"), hook_deadline_ms=500)
    began = trio.current_time()
    assert await sent(hooks, draft) == "helloab"
    assert trio.current_time() - began == pytest.approx(0.5)


async def test_who_blocks_the_loop_is_blamed_not_the_next(
    make_hooks: MakeHooks, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    class Blocking:
        name = "blocking"

        @hookimpl
        def message_will_send(self) -> None:
            time.sleep(0.03)

    await sent(make_hooks(Blocking(), Append("next"), hook_deadline_ms=10), draft)
    assert "plugin blocking, message_will_send: took longer than 0.01 s; no time was left for next" in caplog.text


async def test_cancellation_of_the_caller_passes(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    hooks = make_hooks(Hang())
    with trio.move_on_after(1) as scope:
        await sent(hooks, draft)
        pytest.fail("the caller was cancelled")
    assert scope.cancelled_caught
    assert hooks.plugins()[0].failures == 0


@pytest.mark.parametrize("limit", [1, 3])
async def test_a_crash_while_cancelled_stays_inside(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock, limit: float
) -> None:
    class Untidy:
        name = "untidy"

        @hookimpl
        async def message_will_send(self) -> None:
            async def crash_at_the_end() -> None:
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("cannot even stop")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(crash_at_the_end)

    hooks = make_hooks(Untidy(), hook_deadline_ms=2000)
    with trio.move_on_after(limit) as scope:
        assert await sent(hooks, draft) == "hello"
    assert scope.cancelled_caught is (limit < 2)
    assert hooks.plugins()[0].failures >= 1


async def test_only_exceptions_are_kept(make_hooks: MakeHooks, draft: Draft) -> None:
    with pytest.raises(KeyboardInterrupt):
        await sent(make_hooks(Answer("a", KeyboardInterrupt())), draft)


async def test_an_unknown_hook_is_a_mistake_of_the_caller(make_hooks: MakeHooks) -> None:
    hooks = make_hooks()
    with pytest.raises(KeyError):
        await hooks.filter("message_wil_send")
    with pytest.raises(KeyError):
        hooks.did("message_sendt")
    with pytest.raises(KeyError):
        hooks.around("around_nothing")
    with pytest.raises(KeyError):
        hooks.has("nothing")


async def test_the_context_says_who_is_called(
    make_hooks: MakeHooks, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[HookContext] = []

    class Curious:
        name = "curious"

        @hookimpl
        async def message_will_send(self, ctx: HookContext) -> None:
            seen.append(ctx)
            ctx.log.warning("looked")
            with pytest.raises(RuntimeError, match="not open"):
                _ = ctx.chat

    await sent(make_hooks(Curious()), draft)
    assert (seen[0].plugin, seen[0].origin) == ("curious", None)
    assert caplog.record_tuples == [("chatcore.plugin.curious", logging.WARNING, "looked")]


async def test_a_thousand_calls_without_plugins_cost_less_than_a_millisecond(
    make_hooks: MakeHooks, draft: Draft
) -> None:
    hooks = make_hooks()
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        for _ in range(1000):
            await hooks.filter("message_will_send", value=draft)
        best = min(best, time.perf_counter() - began)
    assert best < 0.001
