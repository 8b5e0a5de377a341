"""Pairs of a key and a value."""

import pytest
import trio

from chatcore.errors import ValidationFailed
from chatcore.ports import StoredShelf, Tx, plugin_space
from chatcore.ports.plugin_data import MAX_KEY, MAX_PAIRS, MAX_SPACE, MAX_VALUE
from chatcore.testing.clock import FakeClock
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import found_town

SPACE = plugin_space("nospam")
STRANGE = ["Å", "\uffff", "\U0001f600", "a b", "a/b", "%", "_", "ab", "a", "b", "Z", "'; --"]


class PairTests(StorageTests):
    async def test_a_pair_is_kept_replaced_and_removed(self) -> None:
        async with self.town() as town:
            storage = town.storage
            assert await storage.read(lambda tx: tx.pairs.get(SPACE, "k")) is None
            for value in (b"", bytes(range(256)), b"x" * MAX_VALUE):
                await storage.write(lambda tx, value=value: tx.pairs.put(SPACE, "k", value))  # type: ignore[misc]
                assert await storage.read(lambda tx: tx.pairs.get(SPACE, "k")) == value
            assert await storage.write(lambda tx: tx.pairs.delete(SPACE, "k"))
            assert not await storage.write(lambda tx: tx.pairs.delete(SPACE, "k"))
            assert await storage.read(lambda tx: tx.pairs.get(SPACE, "k")) is None

    async def test_spaces_are_apart(self) -> None:
        async with self.town() as town:

            async def fill(tx: Tx) -> None:
                await tx.pairs.put(SPACE, "k", b"ours")
                await tx.pairs.put(SPACE + "2", "k", b"theirs")

            await town.storage.write(fill)
            assert await town.storage.write(lambda tx: tx.pairs.clear(SPACE)) == 1
            assert await town.storage.read(lambda tx: tx.pairs.usage(SPACE)) == (0, 0)
            assert await town.storage.read(lambda tx: tx.pairs.scan(SPACE + "2")) == [("k", b"theirs")]

    async def test_a_scan_is_in_the_order_of_code_points(self) -> None:
        async with self.town() as town:

            async def fill(tx: Tx) -> None:
                for key in STRANGE:
                    await tx.pairs.put(SPACE, key, key.encode())

            await town.storage.write(fill)
            wanted = [(key, key.encode()) for key in sorted(STRANGE)]
            assert await town.storage.read(lambda tx: tx.pairs.scan(SPACE)) == wanted
            assert (
                await town.storage.read(lambda tx: tx.pairs.scan(SPACE, after="a b", limit=2))
                == wanted[sorted(STRANGE).index("a b") + 1 :][:2]
            )
            for prefix in ("a", "\uffff", "\U0001f600", "%", "_", "none"):
                found = await town.storage.read(lambda tx, p=prefix: tx.pairs.scan(SPACE, prefix=p))  # type: ignore[misc]
                assert found == [pair for pair in wanted if pair[0].startswith(prefix)]
            after = await town.storage.read(lambda tx: tx.pairs.scan(SPACE, prefix="a", after="a"))
            assert [key for key, _ in after] == ["a b", "a/b", "ab"]
            assert await town.storage.read(lambda tx: tx.pairs.usage(SPACE)) == (
                len(STRANGE),
                sum(len(key.encode()) for key in STRANGE),
            )

    async def test_a_scan_is_bounded(self) -> None:
        async with self.town() as town:

            async def fill(tx: Tx) -> None:
                for number in range(MAX_PAIRS + 1):
                    await tx.pairs.put(SPACE, f"{number:05}", b"")

            await town.storage.write(fill)
            assert len(await town.storage.read(lambda tx: tx.pairs.scan(SPACE, limit=10**9))) == MAX_PAIRS
            assert await town.storage.read(lambda tx: tx.pairs.scan(SPACE, limit=0)) == []

    async def test_what_no_storage_takes_is_refused(self) -> None:
        async with self.town() as town:
            wrong = [
                ("", "k", b""),
                (SPACE, "", b""),
                (SPACE, "k" * (MAX_KEY + 1), b""),
                ("s" * (MAX_SPACE + 1), "k", b""),
                (SPACE, "a\x00b", b""),
                (SPACE, "\ud800", b""),
                (SPACE, "k", b"x" * (MAX_VALUE + 1)),
            ]
            for space, key, value in wrong:
                with pytest.raises(ValidationFailed):
                    await town.storage.write(lambda tx, pair=(space, key, value): tx.pairs.put(*pair))  # type: ignore[misc]
            await town.storage.write(lambda tx: tx.pairs.put("s" * MAX_SPACE, "\U0001f600" * MAX_KEY, b""))

    async def test_pairs_belong_to_their_transaction(self) -> None:
        async with self.town() as town:

            async def work(tx: Tx) -> None:
                await tx.pairs.put(SPACE, "k", b"never")
                raise RuntimeError

            with pytest.raises(RuntimeError):
                await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.pairs.get(SPACE, "k")) is None

    async def test_pairs_last(self) -> None:
        self.needs_durable()
        async with self.open_storage(FakeClock()) as storage:
            await found_town(storage)
            await storage.write(lambda tx: tx.pairs.put(SPACE, "k", b"kept"))
        async with self.open_storage(FakeClock()) as storage:
            assert await storage.read(lambda tx: tx.pairs.get(SPACE, "k")) == b"kept"

    async def test_a_shelf_keeps_json_and_counts_without_losing_any(self) -> None:
        async with self.town() as town:
            shelf = StoredShelf(town.storage, SPACE, page=2)
            await shelf.put("settings", {"words": ["é"], "limit": 1.5, "none": None})
            assert await shelf.get("settings") == {"words": ["é"], "limit": 1.5, "none": None}
            assert await shelf.get("nothing", 7) == 7

            async def count() -> None:
                await shelf.update("count", lambda value: (value or 0) + 1)

            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(count)
            assert await shelf.get("count") == 20
            for number in range(5):
                await shelf.put(f"queue/{number}", number)
            assert [pair async for pair in shelf.scan("queue/")] == [(f"queue/{n}", n) for n in range(5)]
            assert await shelf.update("count", lambda value: None) is None
            assert not await shelf.delete("count")
            assert await shelf.clear() == 6
            with pytest.raises(ValidationFailed, match="JSON"):
                await shelf.put("k", object())
