"""Running tests that open chats in memory on PostgreSQL instead: `pytest --storage=postgres`.

Each `memory:` is an empty database of its own for as long as it is open, and a SQLite file is one for the length of a
test.
"""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from tests.services.postgres import Postgres

from chat_storage_postgres import open_postgres, open_upkeep
from chatcore.config import Config
from chatcore.ports import Provider, ProviderContext

Opened = Callable[[ProviderContext], AbstractAsyncContextManager[Any]]


async def migrate(context: ProviderContext) -> None:
    """Give a database the schema, and the plugins their tables."""
    async with open_upkeep(context) as migrator:
        await migrator.up()
        await migrator.plugins_up()


@attrs.define(eq=False)
class Databases:
    """Empty databases of one server, each used by one chat at a time."""

    postgres: Postgres
    _free: list[str] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _made: int = 0

    def take(self) -> str:
        """The name of an empty database."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self._made += 1
            name = f"chat_test{self._made}"
        self.postgres.sql(f"CREATE DATABASE {name} TEMPLATE template_chat")
        return name

    def give_back(self, name: str) -> None:
        """Empty it, for the next one."""
        self.postgres.wipe(name)
        with self._lock:
            self._free.append(name)

    def drop(self, name: str) -> None:
        """It has tables of plugins in it."""
        self.postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@attrs.define(eq=False)
class Stage:
    """Opens PostgreSQL where a test asks for memory or a file."""

    databases: Databases
    _files: dict[str, str] = attrs.field(factory=dict)

    @asynccontextmanager
    async def open(self, context: ProviderContext) -> AsyncIterator[Any]:
        asked = context.config.database_url
        lasting = asked.startswith("sqlite:")
        if asked in self._files:
            name = self._files[asked]
        else:
            name = await trio.to_thread.run_sync(self.databases.take)
        if lasting:
            self._files[asked] = name
        url = self.databases.postgres.url(name)
        context = attrs.evolve(context, config=attrs.evolve(context.config, database_url=url))
        if context.plugin_tables:
            await migrate(context)
        try:
            async with open_postgres(context) as storage:
                yield storage
        finally:
            if not lasting:
                with trio.CancelScope(shield=True):
                    done = self.databases.drop if context.plugin_tables else self.databases.give_back
                    await trio.to_thread.run_sync(done, name)

    def close(self) -> None:
        """The files of the test are of no use to anybody else."""
        for name in self._files.values():
            self.databases.drop(name)


def replace(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Have the SQLite plugin open its databases there."""
    import chat_storage_sqlite

    def register_providers() -> list[Provider]:
        return [
            Provider(kind="storage", name="sqlite", factory=stage.open, schemes=("sqlite", "memory")),
            Provider(
                kind="migrator", name="sqlite", factory=chat_storage_sqlite.open_upkeep, schemes=("sqlite", "memory")
            ),
        ]

    hookimpl_mark = vars(chat_storage_sqlite.register_providers)
    vars(register_providers).update(hookimpl_mark)
    monkeypatch.setattr(chat_storage_sqlite, "register_providers", register_providers)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that wait for a database in another thread look as if they waited for nothing. So quiet has to last."""
    wait = trio.testing.wait_all_tasks_blocked

    async def wait_all_tasks_blocked(cushion: float = 0.0) -> None:
        await wait(max(cushion, 0.02))

    monkeypatch.setattr(trio.testing, "wait_all_tasks_blocked", wait_all_tasks_blocked)


def make_template(postgres: Postgres) -> None:
    """The database after which the others are made."""
    postgres.sql("CREATE DATABASE template_chat TEMPLATE template0")
    url = postgres.url("template_chat")
    context = ProviderContext(config=Config(database_url=url), clock=_NoClock(), data_dir=None)
    trio.run(migrate, context)
    postgres.wipe("template_chat")


class _NoClock:
    def now(self) -> Any:
        raise AssertionError("nobody needs the time here")
