"""What is wrong with a plugin is said at the start, in one line that names the plugin and the hook."""

import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from chatcore.errors import ConfigError
from chatcore.hooks import Hooks, Kind, Reject, hookimpl, hookspec
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]


def plugin(*functions: Callable[..., Any], name: str = "mine") -> types.ModuleType:
    """A plugin of loose functions, like a file."""
    module = types.ModuleType(name)
    for function in functions:
        setattr(module, function.__name__, function)
    return module


def problem(make_hooks: MakeHooks, *parts: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make_hooks(*parts)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_misspelt_hook_is_named_with_its_plugin(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def mesage_will_send() -> None: ...

    assert problem(make_hooks, plugin(mesage_will_send)) == (
        "plugin mine: there is no hook 'mesage_will_send'; did you mean 'message_will_send'?"
    )


def test_a_hook_like_none_gets_no_guess(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def zzz() -> None: ...

    assert problem(make_hooks, plugin(zzz)) == "plugin mine: there is no hook 'zzz'"


@pytest.mark.parametrize("keyword_only", [False, True])
def test_a_wrong_argument_is_named(make_hooks: MakeHooks, keyword_only: bool) -> None:
    @hookimpl
    async def message_will_send(ctx: Any, drft: Any) -> None: ...

    async def by_keyword(ctx: Any, *, drft: Any) -> None: ...

    by_keyword.__name__ = "message_will_send"
    part = plugin(hookimpl(by_keyword) if keyword_only else message_will_send)
    text = problem(make_hooks, part)
    for word in ("plugin mine", "message_will_send", "drft"):
        assert word in text


def test_arguments_without_names_are_refused(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def message_will_send(*args: Any) -> None: ...

    @hookimpl
    async def message_sent(**kwargs: Any) -> None: ...

    assert problem(make_hooks, plugin(message_will_send)).startswith("plugin mine, hook message_will_send: takes *args")
    assert problem(make_hooks, plugin(message_sent)).startswith("plugin mine, hook message_sent: takes **kwargs")


def test_shapes_that_cannot_work_are_refused(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def plugin_lifespan(chat: Any) -> AsyncIterator[None]:
        yield

    @hookimpl
    async def around_message_send() -> None: ...

    @hookimpl
    async def message_will_send() -> AsyncIterator[None]:
        yield

    @hookimpl
    def message_sent() -> Iterator[None]:
        yield

    @hookimpl
    async def register_providers() -> list[Any]:
        return []

    @hookimpl
    async def plugin_health() -> dict[str, Any]:
        return {}

    for function, expected in (
        (
            plugin_lifespan,
            "plugin mine, hook plugin_lifespan: must be an async context manager; put @asynccontextmanager",
        ),
        (around_message_send, "plugin mine, hook around_message_send: must be an async context manager"),
        (message_will_send, "plugin mine, hook message_will_send: must not be a generator"),
        (message_sent, "plugin mine, hook message_sent: must not be a generator"),
        (register_providers, "plugin mine, hook register_providers: must be a plain function"),
        (plugin_health, "plugin mine, hook plugin_health: must be a plain function"),
    ):
        assert problem(make_hooks, plugin(function)).startswith(expected)


def test_only_filters_can_be_guards(make_hooks: MakeHooks) -> None:
    @hookimpl(guard=True)
    async def message_sent() -> None: ...

    assert problem(make_hooks, plugin(message_sent)) == "plugin mine, hook message_sent: only a filter can be a guard"


def test_an_unknown_phase_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="early, normal or late"):
        hookimpl(phase="first")  # type: ignore[call-overload]


def test_a_hook_without_its_mark_is_pointed_out(make_hooks: MakeHooks, caplog: pytest.LogCaptureFixture) -> None:
    async def message_will_send(draft: Draft) -> None: ...

    make_hooks(plugin(message_will_send))
    assert "plugin mine: message_will_send is named like a hook, but is not marked with @hookimpl" in caplog.text


def test_two_plugins_of_one_name_are_refused(make_hooks: MakeHooks) -> None:
    assert "two plugins named 'same'" in problem(make_hooks, plugin(name="same"), plugin(name="same"))


def test_one_object_cannot_be_two_plugins(make_hooks: MakeHooks) -> None:
    class Shifty:
        count = 0

        @property
        def name(self) -> str:
            self.count += 1
            return f"name{self.count}"

    shifty = Shifty()
    assert problem(make_hooks, shifty, shifty).startswith("plugin name2: Plugin already registered")


def test_what_a_register_hook_raises_or_returns_wrongly_names_the_plugin(make_hooks: MakeHooks) -> None:
    @hookimpl
    def register_providers() -> Any:
        raise RuntimeError("no driver")

    with pytest.raises(ConfigError, match="plugin mine, register_providers: RuntimeError: no driver"):
        make_hooks(plugin(register_providers)).providers()

    @hookimpl
    def register_jobs() -> Any:
        return 7

    assert problem(make_hooks, plugin(register_jobs)).startswith("plugin mine, register_jobs: TypeError")


def test_plugins_are_listed_with_their_hooks(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def message_will_send() -> None: ...

    @hookimpl
    async def audit() -> None: ...

    part = plugin(message_will_send, audit)
    part.__version__ = "1.2"  # type: ignore[attr-defined]
    (info,) = make_hooks(part).plugins()
    assert (info.name, info.version, info.hooks) == ("mine", "1.2", ("audit", "message_will_send"))


def ticket_hooks(changes: tuple[str, ...] = ("content",)) -> types.ModuleType:
    @hookspec(kind=Kind.FILTER, value="draft", changes=changes)
    async def ticket_will_open(ctx: Any, draft: Draft) -> Draft | None:
        """A ticket is opened."""

    @hookspec(kind=Kind.OBSERVER)
    async def ticket_opened(ctx: Any, draft: Draft) -> None:
        """A ticket was opened."""

    return plugin(ticket_will_open, ticket_opened, name="ticket_hooks")


def ticket_plugin(namespace: Any) -> types.ModuleType:
    @hookimpl
    def register_hookspecs() -> list[Any]:
        return [namespace]

    return plugin(register_hookspecs, name="tickets")


async def test_a_plugin_can_have_hooks_of_its_own(make_hooks: MakeHooks, draft: Draft) -> None:
    seen: list[Draft] = []

    @hookimpl
    async def ticket_will_open(draft: Draft) -> None:
        raise Reject("closed", "The desk is closed.")

    @hookimpl
    async def ticket_opened(draft: Draft) -> None:
        seen.append(draft)

    # In either order: who uses a hook may stand before who declares it.
    hooks = make_hooks(plugin(ticket_will_open, ticket_opened, name="desk"), ticket_plugin(ticket_hooks()))
    with pytest.raises(Exception, match="desk is closed"):
        await hooks.filter("ticket_will_open", value=draft)
    async with hooks.running(object()):
        hooks.did("ticket_opened", draft=draft)
    assert seen == [draft]


def test_hooks_of_a_plugin_are_checked_too(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def ticket_opened(draft: Draft, priority: int) -> None: ...

    @hookspec(kind=Kind.OBSERVER)
    async def message_sent(ctx: Any) -> None: ...

    assert "priority" in problem(make_hooks, plugin(ticket_opened), ticket_plugin(ticket_hooks()))
    assert "two hooks named 'message_sent'" in problem(make_hooks, ticket_plugin(plugin(message_sent)))
    assert "did not find any" in problem(make_hooks, ticket_plugin(plugin()))


def test_two_chats_in_one_process_share_nothing(make_hooks: MakeHooks) -> None:
    @hookimpl
    async def message_will_send() -> None: ...

    part = plugin(message_will_send)
    one, two = make_hooks(part), make_hooks(part)
    one.disable("mine")
    assert (one.has("message_will_send"), two.has("message_will_send")) == (False, True)
    make_hooks(ticket_plugin(ticket_hooks()))
    with pytest.raises(KeyError):
        one.has("ticket_opened")
