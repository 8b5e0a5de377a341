"""A plugin's own tables."""

import pytest

from chatcore.errors import Duplicate, ValidationFailed
from chatcore.ports import Tx
from chatcore.testing.clock import FakeClock
from chatcore.testing.storage.base import StorageTests

INSERT = "INSERT INTO suite_words (id, word, data, weight) VALUES (?, ?, ?, ?)"
SELECT = "SELECT id, word, data, weight FROM suite_words WHERE id >= ? ORDER BY id"
ROWS = [(1, "eins?", b"\x00\xff", 1.5), (2**40, "O'Neil", b"", None), (2**41, "é👋", None, -0.25)]


async def fill(tx: Tx) -> int:
    return sum([await tx.sql.run(INSERT, *row) for row in ROWS])


class PluginTableTests(StorageTests):
    async def test_statements_change_and_read_rows(self) -> None:
        async with self.town() as town:
            assert await town.storage.write(fill) == 3
            assert await town.storage.read(lambda tx: tx.sql.rows(SELECT, 2)) == ROWS[1:]
            assert await town.storage.write(lambda tx: tx.sql.run("DELETE FROM suite_words WHERE id > ?", 1)) == 2
            assert await town.storage.read(lambda tx: tx.sql.rows(SELECT, 0)) == ROWS[:1]
            assert await town.storage.read(lambda tx: tx.sql.rows("SELECT word FROM suite_words WHERE word = 'eins?'"))

    async def test_the_dialect_is_told(self) -> None:
        async with self.town() as town:

            async def work(tx: Tx) -> str:
                return tx.sql.dialect

            assert await town.storage.read(work) in ("sqlite", "postgresql")

    async def test_rows_belong_to_their_transaction(self) -> None:
        async with self.town() as town:

            async def work(tx: Tx) -> None:
                await fill(tx)
                assert len(await tx.sql.rows(SELECT, 0)) == 3
                raise RuntimeError

            with pytest.raises(RuntimeError):
                await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.sql.rows(SELECT, 0)) == []

    async def test_what_a_constraint_refuses(self) -> None:
        async with self.town() as town:
            await town.storage.write(fill)
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.sql.run(INSERT, 7, "eins?", None, None))
            with pytest.raises(ValidationFailed):
                await town.storage.write(lambda tx: tx.sql.run(INSERT, 7, None, None, None))
            assert len(await town.storage.read(lambda tx: tx.sql.rows(SELECT, 0))) == 3

    async def test_a_statement_that_is_none_is_a_value_error(self) -> None:
        async with self.town() as town:
            for statement in ("SELEKT 1", "SELECT * FROM suite_nothing"):
                with pytest.raises(ValueError, match=r"."):
                    await town.storage.read(lambda tx, s=statement: tx.sql.rows(s))  # type: ignore[misc]
                with pytest.raises(ValueError, match=r"."):
                    await town.storage.write(lambda tx, s=statement: tx.sql.run(s))  # type: ignore[misc]
            assert await town.storage.write(fill) == 3

    async def test_rows_last_and_the_steps_are_done_once(self) -> None:
        self.needs_durable()
        async with self.open_storage(FakeClock()) as storage:
            await storage.write(fill)
        async with self.open_storage(FakeClock()) as storage:
            assert await storage.read(lambda tx: tx.sql.rows(SELECT, 0)) == ROWS
