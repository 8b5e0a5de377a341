"""The contract suites for what one plugin provides: run by `chatcore plugins check`, which names the plugin by
CHATCORE_CHECK_PLUGIN, and the settings file, if there is one, by CHATCORE_CHECK_CONFIG. A storage and its migrator are
opened in a new folder, or at CHATCORE_CHECK_URL.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from chatcore.clock import SystemClock
from chatcore.config import Config, load
from chatcore.errors import ValidationFailed
from chatcore.hooks import Hooks
from chatcore.hooks.loading import plugin_name
from chatcore.ids import UserId
from chatcore.ports import (
    Authenticator,
    Bus,
    Clock,
    Migrator,
    PresenceTracker,
    Provider,
    ProviderContext,
    Storage,
    TokenCodec,
    Voice,
)
from chatcore.testing.auth import AuthContract, TokenContract
from chatcore.testing.bus import BusContract
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract
from chatcore.testing.migrator import MigratorContract
from chatcore.testing.presence import PresenceContract
from chatcore.testing.storage import PLUGIN_TABLES, StorageContract
from chatcore.testing.voice_contract import CAPACITY, VoiceContract


def suites_for(providers: Iterable[Provider], url: str | None = None) -> dict[str, type[Contract]]:
    """A test class for each provider of a kind that a server opens, by the name of the class.

    `url`: where a storage is opened; without one, in a file in the test's own folder, by its first scheme.
    """
    found: dict[str, type[Contract]] = {}
    for provider in providers:
        make = SUITES.get(provider.kind)
        if make is not None:
            found[f"Test_{provider.kind}_{provider.name}"] = make(provider, url)
    return found


def _storage(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(StorageContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path: Path) -> None:
            self.url = url or f"{provider.schemes[0]}:///{tmp_path}/chat.db"

        def open_storage(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
            config = Config(database_url=self.url)
            return provider.factory(
                ProviderContext(config=config, clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES)
            )

    return Suite


def _bus(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(BusContract):
        def open_bus(self) -> AbstractAsyncContextManager[Bus]:
            return provider.factory(ProviderContext(config=_config(), clock=FakeClock(), data_dir=None))

    return Suite


def _presence(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(PresenceContract):
        def open_presence(self, clock: Clock) -> AbstractAsyncContextManager[PresenceTracker]:
            return provider.factory(ProviderContext(config=_config(), clock=clock, data_dir=None))

    return Suite


def _migrator(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(MigratorContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path: Path) -> None:
            self.url = url or f"{(provider.schemes or (provider.name,))[0]}:///{tmp_path}/chat.db"

        def open_migrator(self, clock: Clock) -> AbstractAsyncContextManager[Migrator]:
            config = Config(database_url=self.url)
            return provider.factory(
                ProviderContext(config=config, clock=clock, data_dir=None, plugin_tables=PLUGIN_TABLES)
            )

    return Suite


def _auth(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(AuthContract):
        def open_auth(self, context: ProviderContext) -> AbstractAsyncContextManager[Authenticator]:
            return provider.factory(context)

        async def enrol(self, auth: Authenticator, user_id: UserId, email: str, secret: str) -> None:
            try:
                await auth.set_secret(user_id, secret)
            except ValidationFailed:
                pytest.skip(
                    "it keeps no secrets itself: inherit AuthContract in a test of its own, and say how to enrol"
                )

    return Suite


def _token(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(TokenContract):
        def open_codec(self, context: ProviderContext) -> AbstractAsyncContextManager[TokenCodec]:
            return provider.factory(context)

    return Suite


def _voice(provider: Provider, url: str | None) -> type[Contract]:
    class Suite(VoiceContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path: Path) -> None:
            self.folder = tmp_path

        def open_voice(self) -> AbstractAsyncContextManager[Voice]:
            config = Config(voice=provider.name, voice_max_seats=CAPACITY, voice_public_address="127.0.0.1")
            return provider.factory(ProviderContext(config=config, clock=SystemClock(), data_dir=self.folder))

    return Suite


def _config() -> Config:
    return Config(redis_url=os.environ.get("REDIS_URL"))


SUITES: dict[str, Callable[[Provider, str | None], type[Contract]]] = {
    "storage": _storage,
    "bus": _bus,
    "presence": _presence,
    "migrator": _migrator,
    "auth": _auth,
    "token": _token,
    "voice": _voice,
}


def _checked() -> dict[str, Any]:
    plugin = os.environ.get("CHATCORE_CHECK_PLUGIN")
    if plugin is None:
        return {}
    file = os.environ.get("CHATCORE_CHECK_CONFIG")
    hooks = Hooks(load(file=None if file is None else Path(file), environ={}, flags={"plugins": (plugin,)}))
    provided = [
        each
        for name, each in hooks.collect("register_providers")
        if name == plugin_name(plugin) and each.missing is None
    ]
    return dict(suites_for(provided, os.environ.get("CHATCORE_CHECK_URL")))


globals().update(_checked())
