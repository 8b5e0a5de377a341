"""`copy_database`: everything from one database into another, verified."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b

import attrs

from chatcore.chat import data_dir
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.errors import ConfigError
from chatcore.hooks import Hooks
from chatcore.hooks.providers import by_url
from chatcore.ports import ProviderContext
from chatcore.ports.moving import Source, Target, Values

Progress = Callable[[str, int, int], None]
"""Is told the table, how many rows of it have arrived, and how many there are."""


async def copy_database(config: Config, source_url: str, target_url: str, progress: Progress) -> dict[str, int]:
    """Copy everything; rows by table. May be interrupted and begun again. Raises ConfigError.

    In the end both databases are read once more, and must hold the same.
    """
    hooks = Hooks(config)
    config = await hooks.configure(config)

    def context(url: str) -> ProviderContext:
        return ProviderContext(
            config=attrs.evolve(config, database_url=url),
            clock=SystemClock(),
            data_dir=data_dir(url),
            plugin_tables=hooks.plugin_tables(),
        )

    opens_source = by_url(hooks.providers(), "source", source_url, "SOURCE")
    opens_target = by_url(hooks.providers(), "target", target_url, "TARGET")
    async with opens_source.factory(context(source_url)) as source, opens_target.factory(context(target_url)) as target:
        await target.begin(source.epoch)
        tables = list(await source.tables())
        counts = {table: await _copy(source, target, table, progress) for table in tables}
        for table in tables:
            await _verify(source, target, table)
        await target.finish(source.epoch)
    return counts


async def _copy(source: Source, target: Target, table: str, progress: Progress) -> int:
    total, done = await source.count(table), await target.count(table)
    columns = await source.columns(table)
    progress(table, done, total)
    async with aclosing(source.batches(table, skip=done)) as batches:
        async for rows in batches:
            await target.write(table, columns, await target.normalised(table, columns, rows))
            done += len(rows)
            progress(table, done, total)
    return total


async def _verify(source: Source, target: Target, table: str) -> None:
    """Raises ConfigError unless both hold the same rows."""
    columns = await source.columns(table)

    async def same(rows: Sequence[Values]) -> Sequence[Values]:
        return rows

    async def normalised(rows: Sequence[Values]) -> Sequence[Values]:
        return await target.normalised(table, columns, rows)

    before = await _digest(source.batches(table, skip=0), normalised)
    after = await _digest(target.batches(table, columns), same)
    if before != after:
        raise ConfigError(
            f"The copy of {table} is not the same: {before[0]} rows ({before[1]:016x}) there, {after[0]} "
            f"({after[1]:016x}) here. Nobody may write to either meanwhile; empty the target and begin again."
        )


async def _digest(
    batches: AsyncGenerator[Sequence[Values], None], prepare: Callable[[Sequence[Values]], Awaitable[Sequence[Values]]]
) -> tuple[int, int]:
    """How many rows, and a checksum that does not depend on their order."""
    count = total = 0
    async with aclosing(batches):
        async for rows in batches:
            count += len(rows)
            for row in await prepare(rows):
                total += int.from_bytes(blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return count, total & (2**64 - 1)
