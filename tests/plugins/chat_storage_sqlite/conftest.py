"""A database in a file, and a town in it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.ports import ProviderContext, Storage

# Before the suite is imported: so failures inside it show their values.
pytest.register_assert_rewrite("chatcore.testing.storage")

from chatcore.testing.clock import FakeClock  # noqa: E402
from chatcore.testing.storage.town import Town, found_town  # noqa: E402


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
async def town(path: Path) -> AsyncIterator[Town]:
    async with _open(path) as storage:
        yield await found_town(storage)
