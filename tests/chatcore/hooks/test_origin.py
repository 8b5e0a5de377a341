"""A plugin's own actions carry its name, so that it does not answer itself for ever."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from chatcore.errors import Rejected
from chatcore.hooks import HookContext, Hooks, Reject, hookimpl
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]


class Chat:
    """As much of a chat as a plugin needs to answer: `send` filters and tells, like the service."""

    def __init__(self, hooks: Hooks) -> None:
        self.hooks = hooks
        self.sent: list[str] = []

    async def send(self, text: str) -> None:
        await self.hooks.filter("message_will_send", value=text)
        async with self.hooks.around("around_message_send", draft=text):
            self.sent.append(text)
        self.hooks.did("message_sent", message=text, workspace_id="w")


class Echo:
    """Answers every message, in every way there is; notes for what it was called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[tuple[str, str | None, str]] = []

    @hookimpl
    async def message_sent(self, ctx: HookContext, message: str) -> None:
        self.calls.append(("sent", ctx.origin, message))
        await ctx.chat.send(f"{message}>{self.name}")

    @hookimpl
    async def message_will_send(self, ctx: HookContext, draft: Any) -> None:
        self.calls.append(("will", ctx.origin, draft))

    @hookimpl
    @asynccontextmanager
    async def around_message_send(self, ctx: HookContext, draft: Any) -> AsyncIterator[None]:
        self.calls.append(("around", ctx.origin, draft))
        yield


async def test_a_plugin_does_not_answer_itself(make_hooks: MakeHooks) -> None:
    echo = Echo("echo")
    hooks = make_hooks(echo)
    chat = Chat(hooks)
    async with hooks.running(chat):
        await chat.send("hi")
        await trio.testing.wait_all_tasks_blocked()
    assert chat.sent == ["hi", "hi>echo"]
    assert echo.calls == [("will", None, "hi"), ("around", None, "hi"), ("sent", None, "hi")]


async def test_two_plugins_do_not_answer_each_other_for_ever(make_hooks: MakeHooks) -> None:
    a, b = Echo("a"), Echo("b")
    hooks = make_hooks(a, b)
    chat = Chat(hooks)
    async with hooks.running(chat):
        await chat.send("hi")
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(chat.sent) == ["hi", "hi>a", "hi>a>b", "hi>b", "hi>b>a"]
    assert ("sent", "b", "hi>b") in a.calls, "each learns whose action it is"
    assert not any(message.endswith(">a") or ">a>" in message for _, _, message in a.calls)


async def test_a_filter_that_acts_is_not_asked_about_its_own_action(make_hooks: MakeHooks) -> None:
    class Nested:
        name = "nested"
        asked = 0

        @hookimpl
        async def message_will_send(self, ctx: HookContext) -> None:
            self.asked += 1
            await ctx.chat.send("by the filter")

    nested = Nested()
    hooks = make_hooks(nested)
    chat = Chat(hooks)
    async with hooks.running(chat):
        await chat.send("hi")
        await chat.send("ho")
    assert nested.asked == 2
    assert chat.sent == ["by the filter", "hi", "by the filter", "ho"]


async def test_the_operation_inside_a_wrapper_is_not_the_plugins(make_hooks: MakeHooks, draft: Draft) -> None:
    echo = Echo("echo")
    hooks = make_hooks(echo)
    async with hooks.around("around_message_send", draft=draft):
        await hooks.filter("message_will_send", value=draft)
    assert [kind for kind, _, _ in echo.calls] == ["around", "will"]


async def test_actions_of_a_lifespan_and_its_tasks_are_the_plugins(make_hooks: MakeHooks) -> None:
    class Clock(Echo):
        @hookimpl
        @asynccontextmanager
        async def plugin_lifespan(self, chat: Chat) -> AsyncIterator[None]:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chat.send, "cuckoo")
                yield

    clock, other = Clock("clock"), Echo("other")
    hooks = make_hooks(clock, other)
    chat = Chat(hooks)
    async with hooks.running(chat):
        await trio.testing.wait_all_tasks_blocked()
        # Switched on again by another plugin's action, it still is itself.
        hooks.disable("clock")
        await trio.testing.wait_all_tasks_blocked()
    assert clock.calls == []
    assert ("sent", "clock", "cuckoo") in other.calls


async def test_a_guard_is_spared_only_its_own_action(make_hooks: MakeHooks) -> None:
    class Censor:
        name = "censor"

        @hookimpl(guard=True)
        async def message_will_send(self, draft: str) -> None:
            if "bad" in draft:
                raise Reject("bad", "Not here.")

        @hookimpl
        async def message_sent(self, ctx: HookContext, message: str) -> None:
            await ctx.chat.send("bad example")

    class Parrot:
        name = "parrot"
        refused = 0

        @hookimpl
        async def message_sent(self, ctx: HookContext, message: str) -> None:
            with pytest.raises(Rejected):
                await ctx.chat.send("bad parrot")
            self.refused += 1

    parrot = Parrot()
    hooks = make_hooks(Censor(), parrot)
    chat = Chat(hooks)
    async with hooks.running(chat):
        await chat.send("hi")
        await trio.testing.wait_all_tasks_blocked()
    assert chat.sent == ["hi", "bad example"]
    assert parrot.refused == 2, "to the person's message, and to the censor's"
