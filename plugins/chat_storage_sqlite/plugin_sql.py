"""Statements of plugins on tables of their own."""

import sqlite3
from typing import Any

from chat_storage_sqlite.connection import Connection
from chatcore.ports.plugin_data import Scalar


class PluginSql:
    dialect = "sqlite"

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def run(self, statement: str, *values: Scalar) -> int:
        try:
            return self._db.run(statement, *values)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ValueError(f"{error}: {statement}") from error

    async def rows(self, statement: str, *values: Scalar) -> list[tuple[Any, ...]]:
        try:
            return self._db.rows(statement, *values)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ValueError(f"{error}: {statement}") from error
