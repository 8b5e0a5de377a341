"""Everything that a database holds: from one into another, into an archive and out of it; verified."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import attrs

from chatcore.archive import open_archive, write_archive
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
    opens = await _Openings.of(config)
    async with opens("source", source_url, "SOURCE") as source, opens("target", target_url, "TARGET") as target:
        counts = await _fill(source, target, progress)
        await target.finish(source.epoch)
    return counts


async def export_database(config: Config, path: Path, progress: Progress) -> dict[str, int]:
    """Write everything that `config.database_url` holds, at one moment, to an archive; rows by table.

    The database may be in use. The file appears when it is whole. Raises ConfigError.
    """
    opens = await _Openings.of(config)
    async with opens("snapshot", config.database_url, "DATABASE_URL") as source, write_archive(path) as archive:
        tables = list(await source.tables())
        counts = {}
        await archive.begin(uuid4().hex, len(tables))
        for table in tables:
            counts[table] = total = await source.count(table)
            await archive.table(table, await source.columns(table), total)
            done = 0
            progress(table, done, total)
            async with aclosing(source.batches(table, skip=0)) as batches:
                async for rows in batches:
                    await archive.rows(rows)
                    done += len(rows)
                    progress(table, done, total)
            if done != total:
                raise ConfigError(f"{table} had {total} rows, and {done} were read: export it again.")
        await archive.end()
    return counts


async def import_database(config: Config, path: Path, progress: Progress) -> dict[str, int]:
    """Take everything in an archive into the empty database that `config.database_url` names; rows by table.

    In the end the database is read once more, and must hold the same as the archive. It begins a new epoch: what has
    happened since the export is not in it, so clients must not go on from their cursors. Raises ConfigError.
    """
    opens = await _Openings.of(config)
    async with open_archive(path) as archive, opens("target", config.database_url, "DATABASE_URL") as target:
        counts = await _fill(archive, target, progress)
        await target.finish(uuid4().hex)
    return counts


@attrs.frozen
class _Openings:
    """Opens databases by the plugins that are installed."""

    _config: Config
    _hooks: Hooks

    @classmethod
    async def of(cls, config: Config) -> Self:
        hooks = Hooks(config, strict=False)
        return cls(await hooks.configure(config), hooks)

    def __call__(self, kind: str, url: str, setting: str) -> AbstractAsyncContextManager[Any]:
        """What the plugin for this URL opens. Raises ConfigError."""
        context = ProviderContext(
            config=attrs.evolve(self._config, database_url=url),
            clock=SystemClock(),
            data_dir=data_dir(url),
            plugin_tables=self._hooks.plugin_tables(),
        )
        return by_url(self._hooks.providers(), kind, url, setting).factory(context)


async def _fill(source: Source, target: Target, progress: Progress) -> dict[str, int]:
    """Everything is there, and the same. Raises ConfigError."""
    await target.begin(source.epoch)
    tables = list(await source.tables())
    counts = {table: await _copy(source, target, table, progress) for table in tables}
    for table in tables:
        await _verify(source, target, table)
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
