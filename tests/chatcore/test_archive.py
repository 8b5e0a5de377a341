"""Archives: what is written is read, and nothing else is."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatcore.archive import open_archive, write_archive
from chatcore.errors import ConfigError

ROWS: list[tuple[Any, ...]] = [("a", 1, None), ("ü\n", -(2**62), b"\x00\xff"), ("", 0, 0.5)]
values = st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.binary() | st.floats(allow_nan=False)


async def write(path: Path, tables: dict[str, list[tuple[Any, ...]]]) -> None:
    async with write_archive(path) as archive:
        await archive.begin("x", len(tables))
        for name, rows in tables.items():
            await archive.table(name, ["one", "two", "three"], len(rows))
            await archive.rows(rows)
        await archive.end()


async def read(path: Path, table: str, skip: int = 0) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    async with open_archive(path) as archive:
        async for rows in archive.batches(table, skip=skip):
            found += rows
    return found


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    await write(tmp_path / "a.jsonl", {"users": ROWS, "empty": [], "pairs": ROWS[:2]})
    return tmp_path / "a.jsonl"


async def test_what_is_written_is_read(path: Path) -> None:
    async with open_archive(path) as archive:
        assert archive.epoch == "x"
        assert await archive.tables() == ["users", "empty", "pairs"]
        assert await archive.columns("users") == ("one", "two", "three")
        assert [await archive.count(name) for name in await archive.tables()] == [3, 0, 2]
    assert await read(path, "users") == ROWS
    assert await read(path, "pairs", skip=1) == ROWS[1:2]
    assert await read(path, "empty") == await read(path, "users", skip=3) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.tuples(values, values, values), max_size=5))
@example([(float("inf"), float("-inf"), None)])
def test_every_value_survives(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    import trio

    trio.run(write, tmp_path / "a.jsonl", {"users": rows})
    assert trio.run(read, tmp_path / "a.jsonl", "users") == rows


async def test_wherever_it_is_cut_off_nothing_is_taken(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(len(whole) - 1):  # without its last line feed it is still whole
        path.write_bytes(whole[:end])
        with pytest.raises(ConfigError, match="no whole archive"):
            await read(path, "users")


async def test_whatever_is_changed_nothing_is_taken(path: Path) -> None:
    whole = path.read_bytes()
    for changed in (
        whole.replace(b'"a"', b'"b"'),
        whole + b"[]\n",
        whole.replace(b'"version":1', b'"version":2'),
        whole.replace(b'"archive"', b'"parcel"'),
        whole.replace(b'"tables":3', b'"tables":2'),
        b"",
        b"[]\n",
        b"\xff\xfe",
    ):
        path.write_bytes(changed)
        with pytest.raises(ConfigError, match="no whole archive"):
            await read(path, "users")


def sealed(lines: Sequence[Any], rows: int) -> bytes:
    """Lines with a good end, as somebody could write them who wishes us ill."""
    data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    return data + orjson.dumps({"end": "archive", "rows": rows, "sha256": sha256(data).hexdigest()}) + b"\n"


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ('users" (id) VALUES (1); --', "id"),
        ("users", 'id") VALUES (1); --'),
        ("users", "ID"),
        ("meta", "key"),
        ("schema_migrations", "version"),
        ("users", ""),
        ("users", 7),
    ],
)
async def test_names_are_names(tmp_path: Path, table: str, column: Any) -> None:
    head = {"chatcore": "archive", "version": 1, "id": "x", "tables": 1}
    path = tmp_path / "a.jsonl"
    path.write_bytes(sealed([head, {"table": table, "columns": [column], "rows": 0}], 0))
    with pytest.raises(ConfigError, match="no whole archive"):
        await read(path, "users")


async def test_rows_are_as_wide_as_their_table(tmp_path: Path) -> None:
    head = {"chatcore": "archive", "version": 1, "id": "x", "tables": 1}
    path = tmp_path / "a.jsonl"
    for row in ([], [1, 2], {"id": 1}, "a", [{"id": 1}], [[1]]):
        path.write_bytes(sealed([head, {"table": "users", "columns": ["id"], "rows": 1}, row], 1))
        with pytest.raises(ConfigError, match="The archive has a row"):
            await read(path, "users")


async def test_what_was_not_ended_is_not_there(tmp_path: Path) -> None:
    async with write_archive(tmp_path / "a.jsonl") as archive:
        await archive.begin("x", 0)
    assert list(tmp_path.iterdir()) == []


async def test_its_name_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(S_ISDIR(os.fstat(descriptor).st_mode)))
    await write(tmp_path / "a.jsonl", {"users": ROWS})
    assert synced == [False, True], "the file, and the folder in which it has its name"


async def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        await write(tmp_path / "no" / "a.jsonl", {})
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        await read(tmp_path / "a.jsonl", "users")
