"""A shelf in one file, for a bot that runs on a machine of its own.

Each change is a line that is appended; what it says holds once it is written, also when the process is killed right
behind it. When the file holds more that is over than what counts, it is written anew.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from chatcore.errors import ValidationFailed

MAX_KEY = 200
MAX_VALUE = 64 * 1024
SLACK = 1000
"""Lines that are over before the file is written anew, beside as many as there are values."""


class Memory:
    """A shelf that forgets."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    async def get(self, key: str, default: Any = None) -> Any:
        found = self._values.get(key)
        return default if found is None else orjson.loads(found)

    async def put(self, key: str, value: Any) -> None:
        self._store(_checked(key), _dump(value))

    async def update(self, key: str, change: Callable[[Any], Any]) -> Any:
        value = change(await self.get(key))
        if value is None:
            await self.delete(key)
        else:
            await self.put(key, value)
        return value

    async def delete(self, key: str) -> bool:
        there = key in self._values
        if there:
            self._store(key, None)
        return there

    async def scan(self, prefix: str = "") -> AsyncIterator[tuple[str, Any]]:
        for key in sorted(self._values):
            if key.startswith(prefix) and key in self._values:
                yield key, orjson.loads(self._values[key])

    def _store(self, key: str, data: bytes | None) -> None:
        if data is None:
            del self._values[key]
        else:
            self._values[key] = data


class Journal(Memory):
    """A shelf in a file. Opened by `with`; the file is its owner's alone. Raises OSError.

    One process at a time has it (`.lock` beside it is locked): two would take each other's cursor away.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._lines = 0
        self._file: BinaryIO | None = None
        self._lock: int | None = None

    def __enter__(self) -> "Journal":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path.with_name(self.path.name + ".lock"))
        try:
            written = self.path.read_bytes()
        except FileNotFoundError:
            written = b""
        for line in written.split(b"\n")[:-1]:
            self._replay(line)
        self._rewrite()
        return self

    def __exit__(self, *details: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _store(self, key: str, data: bytes | None) -> None:
        super()._store(key, data)
        if self._lines > 2 * len(self._values) + SLACK:
            self._rewrite()
        else:
            self._append(key, data)

    def _append(self, key: str, data: bytes | None) -> None:
        if self._file is None:
            raise RuntimeError(f"{self.path} is closed")
        # A page of the system's cache: too quick to be worth a thread. A line that a power failure tears is not read.
        self._file.write(orjson.dumps(key) + b"\t" + (data or b"") + b"\n")
        self._file.flush()
        self._lines += 1

    def _replay(self, line: bytes) -> None:
        key, tab, data = line.partition(b"\t")
        try:
            name = orjson.loads(key)
            if data:
                orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        if tab and data:
            self._values[name] = data
        elif tab:
            self._values.pop(name, None)

    def _rewrite(self) -> None:
        """Write what counts into a file beside it, and put that in its place."""
        fresh = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for key, data in self._values.items():
                file.write(orjson.dumps(key) + b"\t" + data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.path)
        if self._file is not None:
            self._file.close()
        self._file = open(self.path, "ab")  # noqa: SIM115 - it is closed with the shelf
        self._lines = len(self._values)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock until it is closed, or its process ends. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BlockingIOError(
            f"{path} is locked: the bot runs already; another one of this name needs a folder of its own (--data)"
        ) from error
    return descriptor


def _checked(key: str) -> str:
    if not 0 < len(key) <= MAX_KEY:
        raise ValidationFailed.of("key", f"must have 1 to {MAX_KEY} characters")
    return key


def _dump(value: Any) -> bytes:
    try:
        data = orjson.dumps(value)
    except TypeError as error:
        raise ValidationFailed.of("value", f"must be JSON: {error}") from error
    if len(data) > MAX_VALUE:
        raise ValidationFailed.of("value", f"must have at most {MAX_VALUE} bytes, not {len(data)}")
    return data
