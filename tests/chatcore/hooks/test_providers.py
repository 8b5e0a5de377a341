"""Providers: chosen by URL scheme or name, never in silence."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chatcore.config import Config
from chatcore.errors import ConfigError
from chatcore.hooks import Hooks, hookimpl
from chatcore.hooks.providers import choose
from chatcore.ports.provider import Provider, ProviderContext

MakeHooks = Callable[..., Hooks]


@asynccontextmanager
async def factory(context: ProviderContext) -> AsyncIterator[None]:
    yield


class Provides:
    def __init__(self, name: str, *providers: tuple[Any, ...]) -> None:
        self.name = name
        self.providers = [
            Provider(kind=kind, name=each, factory=factory, schemes=tuple(schemes))
            for kind, each, *schemes in providers
        ]

    @hookimpl
    def register_providers(self) -> list[Provider]:
        return self.providers


SQLITE = Provides("chat_sqlite", ("storage", "sqlite", "sqlite", "memory"))
BUS = Provides("chat_bus", ("bus", "memory"), ("bus", "redis", "redis", "rediss"))
PRESENCE = Provides("chat_presence", ("presence", "memory"))
AUTH = Provides("chat_auth", ("auth", "password"), ("token", "jwt"))
OIDC = Provides("chat_oidc", ("auth", "oidc"))
ALL = (SQLITE, BUS, PRESENCE, AUTH)


def test_the_configuration_chooses(make_hooks: MakeHooks) -> None:
    providers = make_hooks(*ALL, OIDC).providers()
    chosen = choose(providers, Config())
    assert (chosen.storage.name, chosen.bus.name, chosen.presence.name, chosen.token.name) == (
        "sqlite",
        "memory",
        "memory",
        "jwt",
    )
    assert [each.name for each in chosen.auth] == ["password", "oidc"]
    assert choose(providers, Config(database_url="memory:")).storage.name == "sqlite"
    assert choose(providers, Config(redis_url="rediss://host")).bus.name == "redis"


def test_the_bus_goes_with_the_database_unless_it_is_chosen(make_hooks: MakeHooks) -> None:
    postgres = Provides("chat_postgres", ("storage", "postgres", "postgresql"), ("bus", "postgres", "postgresql"))
    providers = make_hooks(*ALL, postgres).providers()
    database = {"database_url": "postgresql://host/db"}
    assert choose(providers, Config(**database)).bus.name == "postgres"
    assert choose(providers, Config(**database, redis_url="redis://host")).bus.name == "redis"
    assert choose(providers, Config(**database, redis_url="redis://host", bus="postgres")).bus.name == "postgres"
    assert choose(providers, Config(**database, bus="memory")).bus.name == "memory"
    with pytest.raises(ConfigError, match="no installed plugin provides the bus 'pigeon'"):
        choose(providers, Config(bus="pigeon"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"database_url": "postgresql://host/db"},
            "database_url: no installed plugin provides the storage for postgresql: (there is: memory:, sqlite:); "
            "install the plugin that does, or set another database_url",
        ),
        ({"database_url": "chat.db"}, "database_url: must be a URL, like sqlite:///chat.db"),
        (
            {"redis_url": "nats://host"},
            "redis_url: no installed plugin provides the bus for nats: (there is: redis:, rediss:)",
        ),
    ],
)
def test_a_scheme_that_nobody_provides_refuses_to_start(
    make_hooks: MakeHooks, settings: dict[str, str], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(make_hooks(*ALL).providers(), Config(**settings))  # type: ignore[arg-type]
    assert str(caught.value).startswith(expected)


def test_an_address_with_a_password_is_not_repeated(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(make_hooks(*ALL).providers(), Config(database_url="postgresql://me:hunter2@host/db"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (SQLITE, "provides the storage for sqlite: (there is: none)"),
        (BUS, "provides the bus 'memory'; install one"),
        (PRESENCE, "provides presence; install one"),
        (AUTH, "provides token; install one"),
    ],
)
def test_what_is_missing_is_named(make_hooks: MakeHooks, missing: Provides, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(make_hooks(*(each for each in ALL if each is not missing)).providers(), Config())
    assert expected in str(caught.value)


def test_without_any_way_to_sign_in_the_start_is_refused(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError, match="no installed plugin provides auth"):
        choose(make_hooks(SQLITE, BUS, PRESENCE, Provides("t", ("token", "jwt"))).providers(), Config())


def test_two_of_one_name_or_scheme_are_refused(make_hooks: MakeHooks) -> None:
    for other in (("storage", "sqlite"), ("storage", "other", "sqlite")):
        with pytest.raises(ConfigError, match=r"plugins chat_sqlite and other both provide the storage 'sqlite:?'"):
            make_hooks(SQLITE, Provides("other", other)).providers()
    with pytest.raises(ConfigError, match="the plugins twice and twice both provide the bus 'memory'"):
        make_hooks(Provides("twice", ("bus", "memory"), ("bus", "memory"))).providers()


def test_two_where_one_is_needed_are_refused(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError, match=r"more than one plugin provides presence \(memory, shared\); turn one off"):
        choose(make_hooks(*ALL, Provides("p", ("presence", "shared"))).providers(), Config())
    config = Config(plugin_settings={"p": {"enabled": False}})
    hooks = Hooks(config, [*ALL], use_installed=False)
    assert choose(hooks.providers(), config).presence.name == "memory"


VOICE = Provides("chat_voice", ("voice", "webrtc"))
OTHER_VOICE = Provides("other_voice", ("voice", "other"))


@pytest.mark.parametrize(
    ("plugins", "setting", "chosen"),
    [
        ((), "auto", None),
        ((), "off", None),
        ((VOICE,), "off", None),
        ((VOICE,), "auto", "webrtc"),
        ((VOICE, OTHER_VOICE), "other", "other"),
    ],
)
def test_media_through_the_server_is_optional(
    make_hooks: MakeHooks, plugins: tuple[Provides, ...], setting: str, chosen: str | None
) -> None:
    found = choose(make_hooks(*ALL, *plugins).providers(), Config(voice=setting)).voice
    assert (None if found is None else found.name) == chosen


def test_a_voice_provider_that_is_named_must_be_there(make_hooks: MakeHooks) -> None:
    with pytest.raises(ConfigError, match="no installed plugin provides the voice 'webrtc'"):
        choose(make_hooks(*ALL).providers(), Config(voice="webrtc"))
    with pytest.raises(ConfigError, match="more than one plugin provides voice"):
        choose(make_hooks(*ALL, VOICE, OTHER_VOICE).providers(), Config())
