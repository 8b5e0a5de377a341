"""A table of values: the generic part of the storage port (`chatcore.ports.storage.Rows`)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import attrs

from chat_storage_postgres.columns import Column, columns_of
from chat_storage_postgres.connection import Connection
from chatcore.errors import NotFound

Row = TypeVar("Row")


@attrs.frozen(slots=False)
class Layout(Generic[Row]):
    """The statements for one class of values in one table: made once, used by every transaction.

    `locked`: a transaction that may write locks the rows that it reads. Needed where nothing else does: two nodes that
    change the same row would undo each other's change. What belongs to a workspace is guarded by its lock.
    """

    cls: type[Row]
    table: str
    noun: str
    key: tuple[str, ...] = ("id",)
    renames: Mapping[str, str] = attrs.field(factory=dict)
    locked: bool = False

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return columns_of(self.cls, self.renames)

    @cached_property
    def by_field(self) -> dict[str, Column]:
        return {column.field: column for column in self.columns}

    @cached_property
    def names(self) -> str:
        """The columns, for a SELECT."""
        return ", ".join(column.selected for column in self.columns)

    def qualified(self, alias: str) -> str:
        """The columns of the table under an alias."""
        return ", ".join(f"{alias}.{column.selected}" for column in self.columns)

    @cached_property
    def key_columns(self) -> tuple[Column, ...]:
        return tuple(self.by_field[field] for field in self.key)

    def where_key(self, first: int) -> str:
        """The key equals the parameters from `$first` on."""
        return " AND ".join(f"{column.name} = ${number}" for number, column in enumerate(self.key_columns, first))

    @cached_property
    def get_sql(self) -> str:
        return f"SELECT {self.names} FROM {self.table} WHERE {self.where_key(1)}"

    @cached_property
    def insert_sql(self) -> str:
        names = ", ".join(column.name for column in self.columns)
        values = ", ".join(column.parameter(number) for number, column in enumerate(self.columns, 1))
        return f"INSERT INTO {self.table} ({names}) VALUES ({values})"

    @cached_property
    def update_sql(self) -> str:
        changed = ", ".join(f"{column.name} = {column.parameter(n)}" for n, column in enumerate(self.rest, 1))
        return f"UPDATE {self.table} SET {changed} WHERE {self.where_key(len(self.rest) + 1)}"

    @cached_property
    def delete_sql(self) -> str:
        return f"DELETE FROM {self.table} WHERE {self.where_key(1)}"

    @cached_property
    def rest(self) -> tuple[Column, ...]:
        """The columns that are not of the key."""
        return tuple(column for column in self.columns if column.field not in self.key)

    def load(self, values: Sequence[Any]) -> Row:
        """The value of a row, its columns in the order of `names`."""
        fields = {}
        for column, value in zip(self.columns, values, strict=True):
            fields[column.field] = value if value is None or column.load is None else column.load(value)
        return self.cls(**fields)

    def revive(self, values: Sequence[Any]) -> Row:
        """The value of a row that PostgreSQL put into a JSON array."""
        fields = {}
        for column, value in zip(self.columns, values, strict=True):
            fields[column.field] = value if value is None or column.revive is None else column.revive(value)
        return self.cls(**fields)

    def store(self, row: Row, columns: Sequence[Column]) -> list[Any]:
        """What PostgreSQL is given for these columns."""
        return [column.store(getattr(row, column.field)) for column in columns]


class Table(Generic[Row]):
    """One table within one transaction."""

    def __init__(self, db: Connection, layout: Layout[Row]) -> None:
        self._db = db
        self._layout = layout
        self._lock = " FOR NO KEY UPDATE" if layout.locked and db.writes else ""

    async def get(self, *key: str) -> Row | None:
        found = await self._db.row(self._layout.get_sql + self._lock, *self._key(key))
        return None if found is None else self._layout.load(found)

    async def find(self, *, limit: int | None = None, newest_first: bool = False, **equals: Any) -> list[Row]:
        layout, values, conditions = self._layout, [], []
        for field, value in equals.items():
            column = self._column(field)
            if value is None:
                conditions.append(f"{column.name} IS NULL")
            else:
                values.append(column.compare(value))
                conditions.append(f"{column.name} = {column.parameter(len(values))}")
        order = ", ".join(f"{each.name} DESC" if newest_first else each.name for each in layout.key_columns)
        return await self.select(
            f"SELECT {layout.names} FROM {layout.table} WHERE {' AND '.join(conditions) or 'true'} "
            f"ORDER BY {order} LIMIT ${len(values) + 1}" + self._lock,
            *values,
            limit,
        )

    async def insert(self, row: Row) -> None:
        await self._db.run(self._layout.insert_sql, *self._layout.store(row, self._layout.columns))

    async def update(self, row: Row) -> None:
        layout = self._layout
        values = layout.store(row, layout.rest)
        if not await self._db.run(layout.update_sql, *values, *(getattr(row, field) for field in layout.key)):
            raise NotFound.of(layout.noun)

    async def delete(self, *key: str) -> bool:
        return await self._db.run(self._layout.delete_sql, *self._key(key)) > 0

    async def select(self, sql: str, *values: Any) -> list[Row]:
        """The values of a query for this table's columns."""
        return [self._layout.load(row) for row in await self._db.rows(sql, *values)]

    def _column(self, field: str) -> Column:
        column = self._layout.by_field.get(field)
        if column is None:
            raise TypeError(f"{self._layout.cls.__name__} has no field {field!r}")
        return column

    def _key(self, key: tuple[str, ...]) -> list[Any]:
        layout = self._layout
        if len(key) != len(layout.key):
            raise TypeError(f"the key of a {layout.noun} is {', '.join(layout.key)}")
        return [column.compare(value) for column, value in zip(layout.key_columns, key, strict=True)]
