"""The schema: up, down, half way, from the future, from several processes at once; and servers that refuse it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
from tests.plugins.chat_storage_postgres.conftest import context, migrate
from tests.services.postgres import Postgres

from chat_storage_postgres import open_upkeep
from chat_storage_postgres.quoting import first_words, numbered
from chatcore.errors import ConfigError
from chatcore.ports import Storage

Open = Callable[..., AbstractAsyncContextManager[Storage]]


@pytest.fixture
def empty(postgres: Postgres) -> str:
    """The URL of a database without a schema."""
    return postgres.new_database()


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


async def test_up_and_down_and_up_again(empty: str, postgres: Postgres, open_database: Open) -> None:
    objects = "SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
    async with open_upkeep(context(empty)) as migrator:
        assert not any(line.applied for line in await migrator.status())
        with pytest.raises(ConfigError, match="chatcore migrate up"):
            async with open_database(empty):
                pass
        done = await migrator.up()
        assert done == [line.version for line in await migrator.status()]
        assert await migrator.up() == []
        before = postgres.sql(objects, name_of(empty))
        await migrator.plugins_up()
        assert await migrator.check() == []
        with pytest.raises(ConfigError, match="suite has tables"):
            await migrator.down(0)
        await migrator.plugin_down("suite", 0)
        assert await migrator.down(0) == done[::-1]
        assert postgres.sql("SELECT count(*) FROM pg_type WHERE typtype = 'e'", name_of(empty)).strip() == "0"
        await migrator.up()
        assert postgres.sql(objects, name_of(empty)) == before


async def test_several_may_migrate_at_once(empty: str) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(migrate, empty)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM schema_migrations WHERE version = 1", "half migrated"),
        ("INSERT INTO schema_migrations (version, name) VALUES (99, 'later')", "does not know"),
        ("DROP TABLE schema_migrations", "no record"),
    ],
)
async def test_a_strange_schema_is_refused(
    empty: str, postgres: Postgres, open_database: Open, change: str, message: str
) -> None:
    await migrate(empty)
    postgres.sql(change, name_of(empty))
    with pytest.raises(ConfigError, match=message):
        async with open_database(empty):
            pass
    async with open_upkeep(context(empty)) as migrator:
        with pytest.raises(ConfigError, match=message):
            await migrator.up()


async def test_down_refuses_a_database_in_use(url: str, open_database: Open) -> None:
    async with open_database(url), open_upkeep(context(url)) as migrator:
        with pytest.raises(ConfigError, match="in use"):
            await migrator.down(0)


async def test_a_server_that_is_not_there(open_database: Open) -> None:
    with pytest.raises(ConfigError, match=r"nobody\.example|does not answer") as refused:
        async with open_database("postgresql://chat:secret@127.0.0.1:1/nobody.example"):
            pass
    assert "secret" not in str(refused.value)


async def test_a_database_that_is_not_there(postgres: Postgres, open_database: Open) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        async with open_database(postgres.url("nowhere")):
            pass


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("SELECT ?, '?', \"a?\", ? -- ?\n, ?", "SELECT $1, '?', \"a?\", $2 -- ?\n, $3"),
        ("SELECT $$ ? $$, E'\\'?' /* ? */ WHERE a = ?", "SELECT $$ ? $$, E'\\'?' /* ? */ WHERE a = $1"),
        ("SELECT 'it''s ?' || ?", "SELECT 'it''s ?' || $1"),
    ],
)
def test_question_marks_become_numbers(statement: str, wanted: str) -> None:
    assert numbered(statement) == wanted


def test_first_words_are_those_of_statements() -> None:
    script = "CREATE TABLE a (b TEXT DEFAULT ';commit'); -- drop;\n/* x; */ commit; DO $$ BEGIN; END $$;"
    assert first_words(script) == ["CREATE", "COMMIT", "DO"]
