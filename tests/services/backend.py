"""What chats of tests run on where `pytest --backend …` asks for it: a real PostgreSQL, and its bus or Redis."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import attrs
import trio
from tests.services.postgres import Postgres, running_postgres
from tests.services.redis import Redis, running_redis

from chatcore import Config, open_migrator

_TEMPLATE = "template_chat"


@attrs.define(eq=False)
class Backend:
    """Empty databases of one server, each used by one test at a time."""

    postgres: Postgres
    redis: Redis | None
    _free: list[str] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _made: int = 0

    def take(self) -> str:
        """The name of an empty database with the schema."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self._made += 1
            name = f"chat_test{self._made}"
        self.postgres.sql(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def give_back(self, name: str) -> None:
        """Empty it, for the next one: that takes a tenth of what a new database takes."""
        self.postgres.wipe(name)
        with self._lock:
            self._free.append(name)

    def drop(self, name: str) -> None:
        """It is not as it was: there are tables of plugins in it, or somebody who does not let go."""
        self.postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def settings(self, name: str) -> dict[str, str]:
        """Of a chat on this database."""
        redis = {} if self.redis is None else {"redis_url": self.redis.url}
        return {"database_url": self.postgres.url(name), **redis}


@contextmanager
def running_backend(name: str) -> Iterator[Backend]:
    """`postgres` or `redis`, for as long as the tests of one process run."""
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis()) if name == "redis" else None
        postgres.sql(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        trio.run(_migrate, Config(database_url=postgres.url(_TEMPLATE)))
        postgres.wipe(_TEMPLATE)
        yield Backend(postgres, redis)


async def _migrate(config: Config) -> None:
    async with open_migrator(config) as migrator:
        await migrator.up()
