"""Fixed windows: exact, bounded, and remembered over a restart."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from chatcore import Chat, Config, open_chat
from chatcore.errors import ConfigError, RateLimited, Unavailable
from chatcore.testing.clock import FakeClock
from chatserver.ratelimit import RULES, RateLimiter, RateRule, rules_of

LOGIN = {"login": RULES["login"]}


def limiter(chat: Chat, rules: dict[str, RateRule] | None = None, **more: Any) -> RateLimiter:
    return RateLimiter(rules or RULES, storage=chat.storage, clock=chat.clock, hooks=chat.hooks, **more)


def test_the_rules_are_those_of_the_specification() -> None:
    stated = {name: (rule.requests, rule.window, rule.per) for name, rule in RULES.items()}
    assert stated["login"] == (5, 15 * 60, "ip")
    assert stated["register"] == (3, 60 * 60, "ip")
    assert stated["messages"] == (60, 60, "user")
    assert stated["upload"] == (10, 60, "user")
    assert stated["socket:send_message"] == (100, 60, "user")
    assert stated["socket:typing"] == (30, 60, "user")


async def test_a_window_ends_after_its_length_and_not_before(chat: Chat, mock_clock: MockClock) -> None:
    counted = limiter(chat)
    for _ in range(5):
        counted.hit("login", "a")
    mock_clock.jump(899.5)
    with pytest.raises(RateLimited) as refused:
        counted.hit("login", "a")
    assert refused.value.retry_after == 1
    counted.hit("login", "b")
    mock_clock.jump(0.5)
    counted.hit("login", "a")


async def test_a_refused_request_does_not_count(chat: Chat, mock_clock: MockClock) -> None:
    counted = limiter(chat)
    for _ in range(60):
        counted.hit("messages", "u")
    for _ in range(1000):
        with pytest.raises(RateLimited):
            counted.hit("messages", "u")
    mock_clock.jump(60)
    counted.hit("messages", "u")


async def test_plugins_learn_who_was_slowed_down(chat: Chat) -> None:
    told: list[dict[str, Any]] = []

    class Recorder:
        def did(self, name: str, **facts: Any) -> None:
            told.append({"name": name, **facts})

    counted = RateLimiter(LOGIN, storage=chat.storage, clock=chat.clock, hooks=Recorder())  # type: ignore[arg-type]
    for _ in range(5):
        counted.hit("login", "192.0.2.1")
    with pytest.raises(RateLimited):
        counted.hit("login", "192.0.2.1")
    assert told == [{"name": "rate_limited", "rule": "login", "key": "192.0.2.1", "retry_after": 900}]


async def test_memory_is_bounded(chat: Chat) -> None:
    counted = limiter(chat, max_subjects=100)
    for number in range(10_000):
        counted.hit("default", str(number))
    assert len(counted._windows["default"]) <= 100


async def test_what_has_ended_is_forgotten(chat: Chat, mock_clock: MockClock) -> None:
    counted = limiter(chat)
    for number in range(1000):
        counted.hit("default", str(number))
    mock_clock.jump(61)
    counted.hit("default", "last")
    assert set(counted._windows["default"]) == {"last"}


async def test_counters_survive_a_restart(chat: Chat, mock_clock: MockClock) -> None:
    before = limiter(chat)
    for _ in range(5):
        await before.count("login", "a")
    after = limiter(chat)
    await after.load()
    with pytest.raises(RateLimited) as refused:
        after.hit("login", "a")
    assert 1 <= refused.value.retry_after <= 900
    mock_clock.jump(901)
    after.hit("login", "a")


async def test_counters_that_ended_while_we_were_away_are_gone() -> None:
    clock = FakeClock()
    async with open_chat(config=Config(database_url="memory:"), clock=clock) as chat:
        before = limiter(chat)
        for _ in range(5):
            await before.count("login", "a")
        clock.jump(901)
        after = limiter(chat)
        await after.load()
        after.hit("login", "a")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_jump_of_the_wall_clock_changes_no_window(hours: int, mock_clock: MockClock) -> None:
    clock = FakeClock()
    async with open_chat(config=Config(database_url="memory:"), clock=clock) as chat:
        counted = limiter(chat)
        for _ in range(5):
            counted.hit("login", "a")
        clock.jump(hours * 3600)
        with pytest.raises(RateLimited) as refused:
            counted.hit("login", "a")
        assert refused.value.retry_after <= 900
        await counted.save()
        clock.jump(-24 * 3600)
        after = limiter(chat)
        await after.load()
        with pytest.raises(RateLimited) as refused:
            after.hit("login", "a")
        assert refused.value.retry_after <= 900, "a clock set back must not lengthen a window"


async def test_changes_are_saved_every_second_and_at_the_end(chat: Chat, autojump_clock: MockClock) -> None:
    counted = limiter(chat)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(counted.run)
        counted.hit("messages", "u")
        await trio.sleep(1.5)
        again = limiter(chat)
        await again.load()
        assert again._windows["messages"]["u"].count == 1
        counted.hit("messages", "u")
        nursery.cancel_scope.cancel()
    again = limiter(chat)
    await again.load()
    assert again._windows["messages"]["u"].count == 2


async def test_a_storage_that_is_away_loses_no_count(chat: Chat, autojump_clock: MockClock) -> None:
    counted = limiter(chat)

    class Away:
        async def write(self, work: Any) -> None:
            raise Unavailable("away")

    kept, counted._storage = counted._storage, Away()  # type: ignore[assignment]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(counted.run)
        counted.hit("messages", "u")
        await trio.sleep(3.5)
        counted._storage = kept
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    again = limiter(chat)
    await again.load()
    assert again._windows["messages"]["u"].count == 1


async def test_off_lifts_everything(chat: Chat) -> None:
    counted = RateLimiter(rules_of("off"), storage=chat.storage, clock=chat.clock, hooks=chat.hooks)
    for _ in range(10_000):
        await counted.count("login", "a")


async def test_a_table_changes_single_rules() -> None:
    rules = rules_of({"login": {"requests": 10}, "upload": "off", "socket:typing": {"requests": 1, "window": 5}})
    assert (rules["login"].requests, rules["login"].window) == (10, 900)
    assert "upload" not in rules
    assert (rules["socket:typing"].requests, rules["socket:typing"].window) == (1, 5)
    assert rules["messages"] == RULES["messages"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sometimes", "rate_limits"),
        ({"logins": "off"}, "logins"),
        ({"login": 5}, "rate_limits.login"),
        ({"login": {"per": "user"}}, "rate_limits.login"),
        ({"login": {"requests": 0}}, "rate_limits.login.requests"),
        ({"login": {"window": "1m"}}, "rate_limits.login.window"),
        ({"login": {"requests": True}}, "rate_limits.login.requests"),
    ],
)
def test_a_bad_setting_stops_the_start(setting: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rules_of(setting)


# --- several nodes -------------------------------------------------------------------------------------------------


async def let_through(counted: RateLimiter, rule: str, subject: str, times: int) -> int:
    """How many of so many requests at once are let through."""
    passed = 0

    async def attempt() -> None:
        nonlocal passed
        try:
            await counted.count(rule, subject)
        except RateLimited:
            return
        passed += 1

    async with trio.open_nursery() as nursery:
        for _ in range(times):
            nursery.start_soon(attempt)
    return passed


async def test_nodes_together_let_no_more_through_than_one(chat: Chat) -> None:
    nodes = [limiter(chat, LOGIN) for _ in range(3)]
    passed: list[int] = []

    async def attack(node: RateLimiter) -> None:
        passed.append(await let_through(node, "login", "attacker", 10))

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(attack, node)
    assert 1 <= sum(passed) <= 5
    one_by_one = 0
    for _ in range(4):
        for node in nodes:
            one_by_one += await let_through(node, "login", "patient attacker", 1)
    assert one_by_one == 5
    # Each of them refuses from now on without asking anybody.
    for node in nodes:
        with pytest.raises(RateLimited):
            node.hit("login", "patient attacker")


async def test_a_window_ends_on_every_node_with_the_first_request_on_any(mock_clock: MockClock) -> None:
    async with open_chat(config=Config(database_url="memory:"), clock=FakeClock()) as chat:
        here, there = limiter(chat, LOGIN), limiter(chat, LOGIN)
        for _ in range(5):
            await here.count("login", "a")
        mock_clock.jump(600)
        with pytest.raises(RateLimited) as refused:
            await there.count("login", "a")
        assert refused.value.retry_after == 300
        mock_clock.jump(300)
        await there.count("login", "a")
        await here.count("login", "a")


async def test_other_rules_add_up_every_second(chat: Chat, autojump_clock: MockClock) -> None:
    here, there = limiter(chat), limiter(chat)
    async with trio.open_nursery() as nursery:
        for node in (here, there):
            nursery.start_soon(node.run)
        for _ in range(40):
            here.hit("messages", "u")
            there.hit("messages", "u")
        await trio.sleep(1.5)
        extra = 0
        for _ in range(5):
            for node in (here, there):
                try:
                    node.hit("messages", "u")
                    extra += 1
                except RateLimited:
                    pass
                node.hit("messages", "somebody else")
            await trio.sleep(1.5)
        # Who was the first to say what it had counted learns the sum when it has something to say again.
        assert extra <= 1
        nursery.cancel_scope.cancel()


async def test_who_signs_in_at_last_begins_afresh_on_every_node(chat: Chat) -> None:
    rules = {"login:account": RULES["login:account"]}
    here, there = limiter(chat, rules), limiter(chat, rules)
    for _ in range(15):
        await here.count("login:account", "ada")
    here.forget("login:account", "ada")
    await here.save()
    for _ in range(20):
        await there.count("login:account", "ada")
    with pytest.raises(RateLimited):
        await there.count("login:account", "ada")


async def test_what_could_not_be_counted_is_counted_later(chat: Chat) -> None:
    here, there = limiter(chat, LOGIN), limiter(chat, LOGIN)

    class Away:
        async def write(self, work: Any) -> None:
            raise Unavailable("away")

    kept, here._storage = here._storage, Away()  # type: ignore[assignment]
    for _ in range(3):
        with pytest.raises(Unavailable):
            await here.count("login", "a")
    here._storage = kept
    await here.save()
    await there.count("login", "a")
    await there.count("login", "a")
    with pytest.raises(RateLimited):
        await there.count("login", "a")
