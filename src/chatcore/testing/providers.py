"""The contract suites for what one plugin provides: run by `chatcore plugins check`, which names the plugin by
CHATCORE_CHECK_PLUGIN. A storage is opened in a new folder, or at CHATCORE_CHECK_URL.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from chatcore.config import Config
from chatcore.hooks import Hooks
from chatcore.hooks.loading import plugin_name
from chatcore.ports import Bus, Clock, PresenceTracker, Provider, ProviderContext, Storage
from chatcore.testing.bus import BusContract
from chatcore.testing.clock import FakeClock
from chatcore.testing.contract import Contract
from chatcore.testing.presence import PresenceContract
from chatcore.testing.storage import PLUGIN_TABLES, StorageContract


def suites_for(providers: Iterable[Provider], url: str | None = None) -> dict[str, type[Contract]]:
    """A test class for each provider whose kind has a suite, by the name of the class.

    `url`: where a storage is opened; without one, in a file in the test's own folder, by its first scheme.
    """
    found: dict[str, type[Contract]] = {}
    for provider in providers:
        make = _SUITES.get(provider.kind)
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


def _config() -> Config:
    return Config(redis_url=os.environ.get("REDIS_URL"))


_SUITES: dict[str, Callable[[Provider, str | None], type[Contract]]] = {
    "storage": _storage,
    "bus": _bus,
    "presence": _presence,
}


def _checked() -> dict[str, Any]:
    plugin = os.environ.get("CHATCORE_CHECK_PLUGIN")
    if plugin is None:
        return {}
    hooks = Hooks(Config(plugins=(plugin,)))
    provided = [each for name, each in hooks.collect("register_providers") if name == plugin_name(plugin)]
    return dict(suites_for(provided, os.environ.get("CHATCORE_CHECK_URL")))


globals().update(_checked())
