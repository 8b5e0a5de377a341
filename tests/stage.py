"""Running tests that open chats in memory, or in a SQLite file, on PostgreSQL instead: `pytest --backend=…`.

Each `memory:` is an empty database of its own, and so is each file, for the length of a test. Nothing else is told:
the storage and the bus are chosen by the settings, as they are where somebody writes these into `chat.toml`.
"""

import secrets
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from tests.services.backend import Backend
from trio.testing import MockClock

from chat_storage_postgres import open_upkeep
from chat_storage_postgres.writer import Writer
from chatcore.bridge import Bridge
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.hooks import Hooks
from chatcore.ports import ProviderContext

QUIET_SECONDS = 0.01
"""Less than what tests of servers wait for an answer."""
ANSWER_SECONDS = 10.0
"""After so long a call to the database is taken for one that the test itself holds up."""


@attrs.define(eq=False)
class Stage:
    """What one test has in place of its databases."""

    backend: Backend
    _files: dict[str, Config] = attrs.field(factory=dict)
    _taken: list[str] = attrs.field(factory=list)
    _changed: set[str] = attrs.field(factory=set)

    async def place(self, config: Config, hooks: Hooks) -> Config:
        """The settings of a chat that is about to be opened, on the backend."""
        asked = config.database_url
        if not asked.startswith(("memory:", "sqlite:")):
            return config
        where = self._files.get(asked) or Config(
            **self.backend.settings(await trio.to_thread.run_sync(self.take)),  # type: ignore[arg-type]  # by name
            secret=secrets.token_hex(),
        )
        if asked.startswith("sqlite:"):
            self._files[asked] = where
        has_secret = config.secret is not None or config.secret_file is not None
        config = attrs.evolve(
            config,
            database_url=where.database_url,
            redis_url=config.redis_url or where.redis_url,
            secret=config.secret if has_secret else where.secret,
        )
        await self._migrate_plugins(config, hooks)
        return config

    def take(self) -> str:
        """The name of an empty database for the length of this test."""
        self._taken.append(self.backend.take())
        return self._taken[-1]

    async def _migrate_plugins(self, config: Config, hooks: Hooks) -> None:
        """SQLite does that when it is opened; here an operator would have."""
        tables = hooks.plugin_tables()
        if tables:
            self._changed.add(config.database_url)
            context = ProviderContext(config=config, clock=SystemClock(), data_dir=None, plugin_tables=tables)
            async with open_upkeep(context) as migrator:
                await migrator.plugins_up()

    def close(self, *, whole: bool) -> None:
        """The databases are free again. `whole`: nobody can still be in them."""
        for name in self._taken:
            clean = whole and self.backend.settings(name)["database_url"] not in self._changed
            (self.backend.give_back if clean else self.backend.drop)(name)


def replace(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Have every chat opened there."""
    configure = Hooks.configure

    async def configure_there(hooks: Hooks, config: Config) -> Config:
        return await stage.place(await configure(hooks, config), hooks)

    monkeypatch.setattr(Hooks, "configure", configure_there)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that wait for a database look as if they waited for nothing: while one does, it is not quiet.

    Neither does a clock that jumps when nothing happens jump then.
    """
    calls = _count_calls(monkeypatch)
    wait, jump = trio.testing.wait_all_tasks_blocked, MockClock._autojump

    async def wait_all_tasks_blocked(cushion: float = 0.0) -> None:
        await wait(max(cushion, QUIET_SECONDS))
        while waits():
            await wait(max(cushion, QUIET_SECONDS))

    def jump_when_answered(clock: MockClock) -> None:
        if not waits():
            jump(clock)

    def waits() -> bool:
        return any(monotonic() - began < ANSWER_SECONDS for began in calls.values())

    monkeypatch.setattr(trio.testing, "wait_all_tasks_blocked", wait_all_tasks_blocked)
    monkeypatch.setattr(MockClock, "_autojump", jump_when_answered)


def _count_calls(monkeypatch: pytest.MonkeyPatch) -> dict[object, float]:
    """Of each call to a database that is under way, when it began."""
    under_way: dict[object, float] = {}

    def counted(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def count(*args: Any) -> Any:
            this = object()
            under_way[this] = monotonic()
            try:
                return await call(*args)
            finally:
                del under_way[this]

        return count

    monkeypatch.setattr(Bridge, "run", counted(Bridge.run))
    monkeypatch.setattr(Writer, "submit", counted(Writer.submit))
    return under_way
