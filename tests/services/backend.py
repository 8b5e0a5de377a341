"""Where the chats of tests keep what they keep: in memory, or (`pytest --backend …`) in a real PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import trio
from tests.services.postgres import running_postgres
from tests.services.redis import running_redis

from chatcore import Config, open_migrator

BACKENDS = ("memory", "postgres", "redis")
"""SQLite in memory; PostgreSQL, and its own bus; PostgreSQL with Redis."""


@attrs.frozen
class Backend:
    """`settings` of a chat on it; `wipe` empties it for the next one."""

    name: str
    settings: dict[str, Any]
    wipe: Callable[[], None]


@contextmanager
def running_backend(name: str) -> Iterator[Backend]:
    """For as long as the tests of one process run."""
    if name == "memory":
        yield Backend(name, {"database_url": "memory:"}, lambda: None)
        return
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        postgres.sql("CREATE DATABASE chat TEMPLATE template0")
        settings: dict[str, Any] = {
            "database_url": postgres.url("chat"),
            "secret": "of these tests alone, 32 bytes long",
        }
        if name == "redis":
            settings["redis_url"] = stack.enter_context(running_redis()).url
        trio.run(_migrate, Config(**settings))
        yield Backend(name, settings, lambda: postgres.wipe("chat"))


async def _migrate(config: Config) -> None:
    async with open_migrator(config) as migrator:
        await migrator.up()
