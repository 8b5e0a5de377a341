"""Moving tables of plugins from a file into PostgreSQL."""

from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.plugins.moving import quiet
from tests.services.postgres import Postgres

from chatcore import Config, copy_database, open_chat, open_migrator
from chatcore.errors import ConfigError
from chatcore.ports import Tx
from chatcore.ports.moving import TABLES, in_order

LEDGER = '''
"""A plugin with tables of its own: one refers to another after it, rows are numbered, words are found."""

from chatcore.hooks import hookimpl
from chatcore.ports import PluginMigration

SQLITE = """
CREATE TABLE ledger_people (name TEXT PRIMARY KEY, weight REAL, vip BOOLEAN NOT NULL);
CREATE TABLE ledger_entries (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL REFERENCES ledger_people, data BLOB, at INTEGER, facts TEXT
);
CREATE VIRTUAL TABLE ledger_words USING fts5 (name);
"""
POSTGRES = """
CREATE TABLE ledger_people (name TEXT PRIMARY KEY, weight DOUBLE PRECISION, vip BOOLEAN NOT NULL);
CREATE TABLE ledger_entries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL REFERENCES ledger_people, data BYTEA,
    at BIGINT, facts JSONB
);
"""


@hookimpl
def register_migrations():
    down = "DROP TABLE ledger_entries; DROP TABLE ledger_people;"
    return [
        PluginMigration(
            version=1,
            name="ledger",
            up={"sqlite": SQLITE, "postgresql": POSTGRES},
            down={"sqlite": down + "DROP TABLE ledger_words;", "postgresql": down},
        )
    ]
'''


async def test_tables_of_plugins_move_too(postgres: Postgres, tmp_path: Path) -> None:
    plugin = tmp_path / "ledger.py"
    plugin.write_text(LEDGER)
    source = f"sqlite:///{tmp_path}/chat.db"
    config = Config(database_url=source, plugins=(str(plugin),))
    people = [("Ann", 1.5, 1), ("Ben", None, 0), ("Grüße 👍", 1e-9, 1)]
    entries = [
        (n, people[n % 3][0], bytes([0, n, 255]), 1_700_000_000_000 + n, f'{{"b": {n}, "a": 1}}') for n in range(1, 8)
    ]
    async with open_chat(config=config) as chat:

        async def fill(tx: Tx) -> None:
            for person in people:
                await tx.sql.run("INSERT INTO ledger_people VALUES (?, ?, ?)", *person)
            for entry in entries:
                await tx.sql.run("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?)", *entry)
            await tx.sql.run("INSERT INTO ledger_words VALUES (?)", "apple")

        await chat.storage.write(fill)

    url = postgres.new_database()
    moved = attrs.evolve(config, database_url=url, secret="of this test alone, 32 bytes long")
    async with open_migrator(moved) as migrator:
        await migrator.up()
        with pytest.raises(ConfigError, match=r"lacks step 1 \(ledger\)"):
            await copy_database(config, source, url, quiet)
        await migrator.plugins_up()
    counts = await copy_database(config, source, url, quiet)
    assert {name: count for name, count in counts.items() if name.startswith("ledger")} == {
        "ledger_people": 3,
        "ledger_entries": 7,
    }
    async with open_chat(config=moved) as chat:

        async def look(tx: Tx) -> Any:
            await tx.sql.run("INSERT INTO ledger_entries (name) VALUES (?)", "Ann")
            return (
                await tx.sql.rows("SELECT name, weight, vip::int FROM ledger_people ORDER BY name"),
                await tx.sql.rows("SELECT id, name, data, at, facts->>'b' FROM ledger_entries ORDER BY id"),
            )

        found_people, found_entries = await chat.storage.write(look)
    assert sorted(found_people) == sorted(people)
    assert found_entries[:7] == [(*entry[:4], str(entry[0])) for entry in entries]
    assert found_entries[7][:2] == (8, "Ann"), "numbers go on where they were"


def test_tables_in_a_circle_are_refused() -> None:
    assert in_order([("b", None), ("a", "b"), ("a", "a"), ("a", "users")]) == [*TABLES, "b", "a"]
    with pytest.raises(ConfigError, match="in a circle"):
        in_order([("a", "b"), ("b", "a")])
