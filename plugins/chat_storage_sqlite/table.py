"""A table of values: the generic part of the storage port (`chatcore.ports.storage.Rows`)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import attrs

from chat_storage_sqlite.columns import Column, columns_of
from chat_storage_sqlite.connection import Connection
from chatcore.errors import NotFound

Row = TypeVar("Row")


@attrs.frozen(slots=False)
class Layout(Generic[Row]):
    """The statements for one class of values in one table: made once, used by every transaction."""

    cls: type[Row]
    table: str
    noun: str
    key: tuple[str, ...] = ("id",)
    renames: Mapping[str, str] = attrs.field(factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return columns_of(self.cls, self.renames)

    @cached_property
    def by_field(self) -> dict[str, Column]:
        return {column.field: column for column in self.columns}

    @cached_property
    def names(self) -> str:
        """The columns, for a SELECT."""
        return ", ".join(column.name for column in self.columns)

    def qualified(self, alias: str) -> str:
        """The columns of the table under an alias."""
        return ", ".join(f"{alias}.{column.name}" for column in self.columns)

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        return tuple(self.by_field[field].name for field in self.key)

    @cached_property
    def where_key(self) -> str:
        return " AND ".join(f"{name} = ?" for name in self.key_names)

    @cached_property
    def get_sql(self) -> str:
        return f"SELECT {self.names} FROM {self.table} WHERE {self.where_key}"

    @cached_property
    def insert_sql(self) -> str:
        return f"INSERT INTO {self.table} ({self.names}) VALUES ({', '.join('?' * len(self.columns))})"

    @cached_property
    def update_sql(self) -> str:
        changed = ", ".join(f"{column.name} = ?" for column in self.rest)
        return f"UPDATE {self.table} SET {changed} WHERE {self.where_key}"

    @cached_property
    def delete_sql(self) -> str:
        return f"DELETE FROM {self.table} WHERE {self.where_key}"

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

    def store(self, row: Row, columns: Sequence[Column]) -> list[Any]:
        """What SQLite is given for these columns."""
        return [column.store(getattr(row, column.field)) for column in columns]


class Table(Generic[Row]):
    """One table within one transaction."""

    def __init__(self, db: Connection, layout: Layout[Row]) -> None:
        self._db = db
        self._layout = layout

    async def get(self, *key: str) -> Row | None:
        self._check_key(key)
        found = self._db.row(self._layout.get_sql, *key)
        return None if found is None else self._layout.load(found)

    async def find(self, *, limit: int | None = None, newest_first: bool = False, **equals: Any) -> list[Row]:
        wanted = [(self._column(field), value) for field, value in equals.items()]
        where = " AND ".join(f"{column.name} IS ?" for column, _ in wanted) or "1"
        order = ", ".join(f"{name} DESC" if newest_first else name for name in self._layout.key_names)
        return self.select(
            f"SELECT {self._layout.names} FROM {self._layout.table} WHERE {where} ORDER BY {order} LIMIT ?",
            *(column.store(value) for column, value in wanted),
            -1 if limit is None else limit,
        )

    async def insert(self, row: Row) -> None:
        self._db.run(self._layout.insert_sql, *self._layout.store(row, self._layout.columns))

    async def update(self, row: Row) -> None:
        layout = self._layout
        values = layout.store(row, layout.rest)
        if not self._db.run(layout.update_sql, *values, *(getattr(row, field) for field in layout.key)):
            raise NotFound.of(layout.noun)

    async def delete(self, *key: str) -> bool:
        self._check_key(key)
        return self._db.run(self._layout.delete_sql, *key) > 0

    def select(self, sql: str, *values: Any) -> list[Row]:
        """The values of a query for this table's columns, fetched as one JSON array."""
        names = self._layout.names
        rows = self._db.json(f"SELECT json_group_array(json_array({names})) FROM ({sql})", *values)
        return [self._layout.load(row) for row in rows]

    def _column(self, field: str) -> Column:
        column = self._layout.by_field.get(field)
        if column is None:
            raise TypeError(f"{self._layout.cls.__name__} has no field {field!r}")
        return column

    def _check_key(self, key: tuple[str, ...]) -> None:
        if len(key) != len(self._layout.key):
            raise TypeError(f"the key of a {self._layout.noun} is {', '.join(self._layout.key)}")
