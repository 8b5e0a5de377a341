"""New tables are analysed as soon as there is something in them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
from tests.services.postgres import Postgres

from chatcore.ports import Storage
from chatcore.testing.storage.town import found_town

Open = Callable[..., AbstractAsyncContextManager[Storage]]

ANALYSED = "SELECT count(*) FROM pg_stats WHERE tablename IN ('messages', 'channel_members') AND attname = 'channel_id'"


async def test_tables_are_analysed_after_the_first_writes(
    postgres: Postgres, shared_database: str, open_database: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_storage_postgres.analyst.ENOUGH", 20)
    url = postgres.new_database(shared_database)
    name = url.partition("@/")[2].partition("?")[0]
    async with open_database(url) as storage:
        town = await found_town(storage)
        for _ in range(15):
            await town.say(town.ann)
        assert postgres.sql(ANALYSED, name).strip() == "0"
        for _ in range(15):
            await town.say(town.ann)
        with trio.fail_after(10):
            while postgres.sql(ANALYSED, name).strip() != "2":  # noqa: ASYNC110  # the server tells nobody
                await trio.sleep(0.02)
