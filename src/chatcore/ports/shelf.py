"""A shelf: what one plugin or one bot keeps, as JSON, without a transaction of its own to write down."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import attrs
import orjson

from chatcore.errors import ValidationFailed
from chatcore.ports.plugin_data import MAX_PAIRS
from chatcore.ports.storage import Storage, Tx


class Shelf(Protocol):
    """Keys of 1 to 200 characters; values of JSON, at most 64 KiB each."""

    async def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`."""
        ...

    async def put(self, key: str, value: Any) -> None:
        """Store a value. Raises ValidationFailed when it is not JSON or too large."""
        ...

    async def update(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Store what `change` makes of the value (None without one), and return it; nobody writes in between.

        `change` must be quick, and may be called more than once. When it returns None the pair is removed.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove a value; whether there was one."""
        ...

    def scan(self, prefix: str = "") -> AsyncIterator[tuple[str, Any]]:
        """Every pair whose key begins with `prefix`, in order."""
        ...

    async def clear(self) -> int:
        """Remove everything; how many values there were."""
        ...


def plugin_space(name: str) -> str:
    """The space of a plugin's pairs."""
    return f"plugin:{name}"


def bot_space(user_id: str) -> str:
    """The space of a bot's pairs."""
    return f"bot:{user_id}"


@attrs.frozen
class StoredShelf:
    """A shelf in a storage. `page`: pairs that `scan` fetches at once."""

    _storage: Storage
    _space: str
    _page: int = 100

    async def get(self, key: str, default: Any = None) -> Any:
        found = await self._storage.read(lambda tx: tx.pairs.get(self._space, key))
        return default if found is None else orjson.loads(found)

    async def put(self, key: str, value: Any) -> None:
        data = dump(value)
        await self._storage.write(lambda tx: tx.pairs.put(self._space, key, data))

    async def update(self, key: str, change: Callable[[Any], Any]) -> Any:
        async def work(tx: Tx) -> Any:
            found = await tx.pairs.get(self._space, key)
            value = change(None if found is None else orjson.loads(found))
            if value is None:
                await tx.pairs.delete(self._space, key)
            else:
                await tx.pairs.put(self._space, key, dump(value))
            return value

        return await self._storage.write(work)

    async def delete(self, key: str) -> bool:
        return await self._storage.write(lambda tx: tx.pairs.delete(self._space, key))

    async def scan(self, prefix: str = "") -> AsyncIterator[tuple[str, Any]]:
        after: str | None = None
        limit = min(self._page, MAX_PAIRS)
        while True:
            page = await self._storage.read(
                lambda tx, after=after: tx.pairs.scan(self._space, prefix=prefix, after=after, limit=limit)  # type: ignore[misc]
            )
            for key, value in page:
                yield key, orjson.loads(value)
            if len(page) < limit:
                return
            after = page[-1][0]

    async def clear(self) -> int:
        return await self._storage.write(lambda tx: tx.pairs.clear(self._space))


def dump(value: Any) -> bytes:
    """A value as JSON. Raises ValidationFailed for what is not."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise ValidationFailed.of("value", f"must be JSON: {error}") from error
