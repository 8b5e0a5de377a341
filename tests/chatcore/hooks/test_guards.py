"""Guards: they come last, may only refuse, and refuse when they fail."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from chatcore.config import Config
from chatcore.errors import ConfigError, Rejected
from chatcore.hooks import Hooks, Reject, hookimpl
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]


class Guard:
    """Does what it is told to."""

    name = "guard"

    def __init__(self, act: Callable[[Draft], Any]) -> None:
        self.act = act

    @hookimpl(guard=True, phase="early")
    async def message_will_send(self, draft: Draft) -> Any:
        answer = self.act(draft)
        return await answer if hasattr(answer, "__await__") else answer


def fail(draft: Draft) -> None:
    raise ValueError("no answer")


async def hang(draft: Draft) -> None:
    await trio.sleep_forever()


async def hang_on(draft: Draft) -> None:
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        pass  # what a plugin must never do


async def refused(hooks: Hooks, draft: Draft) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await hooks.filter("message_will_send", value=draft)
    return caught.value


async def test_a_guard_sees_what_the_filters_left(make_hooks: MakeHooks, draft: Draft) -> None:
    seen: list[str] = []

    class Shout:
        @hookimpl(phase="late")
        async def message_will_send(self, draft: Draft) -> Draft:
            return attrs.evolve(draft, content=draft.content.upper())

    after = await make_hooks(Guard(lambda draft: seen.append(draft.content)), Shout()).filter(
        "message_will_send", value=draft
    )
    assert (seen, after.content) == (["HELLO"], "HELLO")


async def test_a_veto_is_told(make_hooks: MakeHooks, draft: Draft) -> None:
    def veto(draft: Draft) -> None:
        raise Reject("secret", "That looks like a key.")

    error = await refused(make_hooks(Guard(veto)), draft)
    assert error.details == {"code": "secret", "text": "That looks like a key.", "plugin": "guard"}


@pytest.mark.parametrize(
    "act", [fail, hang, hang_on, lambda draft: attrs.evolve(draft, content="changed"), lambda draft: True]
)
async def test_a_guard_fails_closed(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock, act: Callable[[Draft], Any]
) -> None:
    hooks = make_hooks(Guard(act))
    began = trio.current_time()
    error = await refused(hooks, draft)
    assert error.details["code"] == "guard_failed"
    assert error.details["plugin"] == "guard"
    assert "try again" in error.message
    assert trio.current_time() - began <= 2
    assert hooks.plugins()[0].failures == 1


async def test_a_hanging_filter_takes_no_time_from_the_guards(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    class Hang:
        @hookimpl
        async def message_will_send(self) -> None:
            await trio.sleep_forever()

    asked: list[Draft] = []
    assert await make_hooks(Hang(), Guard(asked.append)).filter("message_will_send", value=draft) is draft
    assert asked == [draft]


async def test_cancellation_of_the_caller_is_no_refusal(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    hooks = make_hooks(Guard(hang))
    with trio.move_on_after(1) as scope:
        await hooks.filter("message_will_send", value=draft)
    assert scope.cancelled_caught
    assert hooks.plugins()[0].failures == 0


async def test_the_guard_of_a_plugin_that_is_down_refuses(
    make_hooks: MakeHooks, draft: Draft, autojump_clock: trio.testing.MockClock
) -> None:
    class Shaky(Guard):
        crash = trio.Event()

        @hookimpl
        @asynccontextmanager
        async def plugin_lifespan(self) -> AsyncIterator[None]:
            async def crash() -> None:
                await self.crash.wait()
                self.crash = trio.Event()
                raise OSError("the list of keys is gone")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(crash)
                yield

    shaky = Shaky(lambda draft: None)
    hooks = make_hooks(shaky)
    async with hooks.running(object()):
        await hooks.filter("message_will_send", value=draft)
        shaky.crash.set()
        await trio.testing.wait_all_tasks_blocked()
        assert "is down" in (await refused(hooks, draft)).message
        await trio.sleep(1.1)
        await hooks.filter("message_will_send", value=draft)
        hooks.disable("guard")
        shaky.act = fail
        await hooks.filter("message_will_send", value=draft)


async def test_permission_check_fails_closed_without_being_marked(make_hooks: MakeHooks) -> None:
    class Broken:
        name = "broken"

        @hookimpl
        async def permission_check(self) -> None:
            raise ValueError

    with pytest.raises(Rejected) as caught:
        await make_hooks(Broken()).filter(
            "permission_check", action="message.send", user_id="u", workspace_id="w", channel_id=None
        )
    assert caught.value.details["plugin"] == "broken"


async def test_config_will_load_may_fetch_secrets_and_nothing_else(make_hooks: MakeHooks) -> None:
    class Vault:
        @hookimpl
        async def config_will_load(self, config: Config) -> Config:
            return attrs.evolve(config, secret="from the vault", plugins=("evil.py",))

    config = await make_hooks(Vault()).configure(Config())
    assert config == Config(secret="from the vault")


async def test_a_failing_config_will_load_refuses_the_start(make_hooks: MakeHooks) -> None:
    class Vault:
        name = "vault"

        @hookimpl
        async def config_will_load(self) -> None:
            raise OSError("sealed")

    with pytest.raises(ConfigError, match="plugin vault"):
        await make_hooks(Vault()).configure(Config())
