"""Our stage: `chatcore serve` on SQLite, every commit on the disk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from benchmarks.cores import two_cores
from benchmarks.gateway.stage import Stage, write_tokens
from benchmarks.server.process import serving
from benchmarks.server.seed import plant
from benchmarks.setting import Setting


@asynccontextmanager
async def ours(setting: Setting, people: int, wrapper: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """One process, one core. `wrapper`: see `serving`."""
    core, _ = two_cores()
    with setting.room() as folder:
        seed = await plant(folder, people)
        async with serving(folder, core=core, wrapper=wrapper) as server:
            yield Stage(
                dialect="chatcore",
                port=server.port,
                pid=server.pid,
                workspace_id=seed.workspace_id,
                channel_id=seed.channel_id,
                tokens=write_tokens(folder, seed.tokens),
            )
