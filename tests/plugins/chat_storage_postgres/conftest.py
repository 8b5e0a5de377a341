"""A server for the tests of a process, and in it a database for each test, with the schema and a town."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest
import trio
from tests.services.postgres import Postgres

from chat_storage_postgres import open_postgres, open_upkeep
from chatcore.config import Config
from chatcore.ports import Clock, ProviderContext, Storage

# Before the suite is imported: so failures inside it show their values.
pytest.register_assert_rewrite("chatcore.testing.storage")

from chatcore.testing.clock import FakeClock  # noqa: E402
from chatcore.testing.storage import PLUGIN_TABLES  # noqa: E402
from chatcore.testing.storage.town import Town, found_town  # noqa: E402


def context(url: str, clock: Clock | None = None, **settings: int) -> ProviderContext:
    config = Config(database_url=url, **settings)  # type: ignore[arg-type]  # by name
    return ProviderContext(config=config, clock=clock or FakeClock(), data_dir=None, plugin_tables=PLUGIN_TABLES)


def _open(url: str, **settings: int) -> AbstractAsyncContextManager[Storage]:
    return open_postgres(context(url, **settings))


async def migrate(url: str) -> None:
    """Give a database the schema."""
    async with open_upkeep(context(url)) as migrator:
        await migrator.up()
        await migrator.plugins_up()


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> str:
    """The name of a database with the schema, which is emptied after each test."""
    postgres.sql("CREATE DATABASE chat_shared TEMPLATE template0")
    trio.run(migrate, postgres.url("chat_shared"))
    postgres.wipe("chat_shared")
    return "chat_shared"


@pytest.fixture
def url(postgres: Postgres, shared_database: str) -> Iterator[str]:
    """An empty database with the schema, for this test."""
    yield postgres.url(shared_database)
    postgres.wipe(shared_database)


@pytest.fixture
def open_database() -> Callable[..., AbstractAsyncContextManager[Storage]]:
    """Opens the storage in a database; settings by name."""
    return _open


@pytest.fixture
async def town(url: str) -> AsyncIterator[Town]:
    async with _open(url) as storage:
        yield await found_town(storage)
