"""Statements of plugins on tables of their own."""

from functools import lru_cache
from typing import Any

import asyncpg

from chat_storage_postgres.connection import Connection
from chat_storage_postgres.quoting import numbered
from chatcore.ports.plugin_data import Scalar

_numbered = lru_cache(maxsize=1000)(numbered)


class PluginSql:
    dialect = "postgresql"

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def run(self, statement: str, *values: Scalar) -> int:
        try:
            return await self._db.run(_numbered(statement), *values)
        except (asyncpg.SyntaxOrAccessError, asyncpg.InterfaceError) as error:
            raise ValueError(f"{error}: {statement}") from error

    async def rows(self, statement: str, *values: Scalar) -> list[tuple[Any, ...]]:
        try:
            return [tuple(row) for row in await self._db.rows(_numbered(statement), *values)]
        except (asyncpg.SyntaxOrAccessError, asyncpg.InterfaceError) as error:
            raise ValueError(f"{error}: {statement}") from error
