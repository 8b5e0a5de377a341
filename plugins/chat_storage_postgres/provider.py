"""What the registry of providers is given. Nothing here needs asyncpg: the plugin loads without it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from chatcore.errors import ConfigError
from chatcore.ports import ProviderContext

if TYPE_CHECKING:
    from chat_storage_postgres.moving import PostgresTarget
    from chat_storage_postgres.moving_out import PostgresSource
    from chat_storage_postgres.storage import PostgresStorage
    from chat_storage_postgres.upkeep import PostgresUpkeep

SCHEMES = ("postgresql", "postgres")


@asynccontextmanager
async def open_postgres(context: ProviderContext) -> AsyncIterator["PostgresStorage"]:
    """Open the database that `config.database_url` names.

    Raises ConfigError when the URL is wrong, the server does not answer, or the schema is not that of this release.
    """
    _require_asyncpg()
    from chat_storage_postgres.opening import open_storage

    async with open_storage(context) as storage:
        yield storage


@asynccontextmanager
async def open_upkeep(context: ProviderContext) -> AsyncIterator["PostgresUpkeep"]:
    """The migrator of the database that `config.database_url` names. Raises ConfigError."""
    _require_asyncpg()
    from chat_storage_postgres import upkeep

    async with upkeep.open_upkeep(context) as migrator:
        yield migrator


@asynccontextmanager
async def open_target(context: ProviderContext) -> AsyncIterator["PostgresTarget"]:
    """The database into which everything of another is moved. Raises ConfigError."""
    _require_asyncpg()
    from chat_storage_postgres import moving

    async with moving.open_target(context) as target:
        yield target


@asynccontextmanager
async def open_snapshot(context: ProviderContext) -> AsyncIterator["PostgresSource"]:
    """The database as it is now, to be moved elsewhere. Raises ConfigError."""
    _require_asyncpg()
    from chat_storage_postgres import moving_out

    async with moving_out.open_snapshot(context) as source:
        yield source


def _require_asyncpg() -> None:
    try:
        import asyncpg  # noqa: F401  # whether it is there is all that is asked
    except ImportError as error:
        raise ConfigError(
            "DATABASE_URL: PostgreSQL needs asyncpg, which is not installed: pip install 'chatcore[postgres]'"
        ) from error
