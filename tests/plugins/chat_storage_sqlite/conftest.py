"""A database in a file, and a town in it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing
from pathlib import Path

import pytest

from chat_storage_sqlite import open_sqlite
from chat_storage_sqlite.connection import Connection, open_connection
from chatcore.config import Config
from chatcore.ports import ProviderContext, Storage

# Before the suite is imported: so failures inside it show their values.
pytest.register_assert_rewrite("chatcore.testing.storage")

from chatcore.testing.clock import FakeClock  # noqa: E402
from chatcore.testing.storage.town import Town, found_town  # noqa: E402

Connect = Callable[[Path], Connection]


def _open(path: Path, **settings: int) -> AbstractAsyncContextManager[Storage]:
    config = Config(database_url=f"sqlite:///{path}", **settings)  # type: ignore[arg-type]  # by name
    return open_sqlite(ProviderContext(config=config, clock=FakeClock(), data_dir=None))


@pytest.fixture
def open_file() -> Callable[..., AbstractAsyncContextManager[Storage]]:
    """Opens the storage in a file; settings by name."""
    return _open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections, which are closed when the test is over."""
    with ExitStack() as opened:
        yield lambda path: opened.enter_context(closing(open_connection(path, 1000)))


@pytest.fixture
async def town(path: Path) -> AsyncIterator[Town]:
    async with _open(path) as storage:
        yield await found_town(storage)
