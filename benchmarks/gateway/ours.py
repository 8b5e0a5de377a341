"""Our stage: `chatcore serve`, every commit on the disk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from benchmarks.core.town import town_config
from benchmarks.cores import two_cores
from benchmarks.gateway import postgres
from benchmarks.gateway.stage import Stage, write_tokens
from benchmarks.server.process import serving
from benchmarks.server.seed import plant
from benchmarks.setting import Setting
from chatcore import Config, open_migrator

_SECRET = "a secret of the benchmark, for nobody else"


@asynccontextmanager
async def ours(setting: Setting, people: int, wrapper: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """On SQLite. One process, one core. `wrapper`: see `serving`."""
    with setting.room() as folder:
        async with _stage(folder, town_config(folder), people, wrapper) as stage:
            yield stage


@asynccontextmanager
async def ours_on_postgres(setting: Setting, people: int, wrapper: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """One process on one core; the database, in processes of its own, shares the other core with the load."""
    _, other = two_cores()
    with setting.room() as folder:
        async with postgres.cluster(setting, other) as url:
            config = attrs.evolve(town_config(folder), database_url=url, secret=_SECRET)
            async with open_migrator(config) as migrator:
                await migrator.up()
            async with _stage(folder, config, people, wrapper) as stage:
                yield stage


@asynccontextmanager
async def _stage(folder: Path, config: Config, people: int, wrapper: Sequence[str]) -> AsyncIterator[Stage]:
    core, _ = two_cores()
    seed = await plant(config, people)
    environ = {"DATABASE_URL": config.database_url}
    if config.secret is not None:
        environ["CHATCORE_SECRET"] = config.secret
    async with serving(folder, core=core, environ=environ, wrapper=wrapper) as server:
        yield Stage(
            dialect="chatcore",
            port=server.port,
            pid=server.pid,
            workspace_id=seed.workspace_id,
            channel_id=seed.channel_id,
            tokens=write_tokens(folder, seed.tokens),
        )
