"""What an operator is told: what is slow, and what is missing."""

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from tests.plugins.chat_storage_postgres.conftest import context

from chat_storage_postgres import open_postgres, open_target, open_upkeep
from chatcore.errors import ConfigError
from chatcore.ports import Storage, Tx

Open = Callable[..., AbstractAsyncContextManager[Storage]]


async def test_slow_transactions_and_statements_are_logged(
    url: str, open_database: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(tx: Tx) -> None:
        await tx.sql.rows("SELECT pg_sleep(?)::text", 0.05)

    async def quick(tx: Tx) -> None:
        await tx.sql.rows("SELECT 1")

    async with open_database(url, slow_query_ms=40) as storage:
        for run in (storage.read, storage.write):
            caplog.clear()
            with caplog.at_level(logging.WARNING, "chatcore.storage"):
                await run(quick)
                await run(slow)
            records = {record.message: record for record in caplog.records}
            assert records["slow statement"].sql == "SELECT pg_sleep($1)::text"  # type: ignore[attr-defined]  # extra
            assert records["slow statement"].duration_ms >= 50  # type: ignore[attr-defined]  # extra
            assert "slow" in records["slow transaction"].work  # type: ignore[attr-defined]  # extra
            assert "0.05" not in caplog.text, "what people wrote has no place in a log"


@pytest.mark.parametrize("opened", [open_postgres, open_upkeep, open_target])
async def test_without_asyncpg_it_is_said_what_to_install(
    opened: Callable[..., AbstractAsyncContextManager[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"asyncpg, which is not installed: pip install 'chatcore\[postgres\]'"):
        async with opened(context("postgresql://nowhere/chat")):
            raise AssertionError("it opened")
