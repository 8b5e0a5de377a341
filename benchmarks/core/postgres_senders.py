"""Many senders at once on PostgreSQL: one server process, every commit on the disk."""

from collections.abc import AsyncIterator
from time import perf_counter, process_time

import attrs

from benchmarks.core.senders import SENDERS, send_all
from benchmarks.core.town import settle, town_config
from benchmarks.cores import two_cores
from benchmarks.errors import NotHere
from benchmarks.figure import AtLeast, Figure
from benchmarks.gateway import postgres
from benchmarks.setting import Setting
from benchmarks.spread import spread
from chatcore import open_chat, open_migrator


async def measure(setting: Setting) -> AsyncIterator[Figure]:
    """Each sends its next message when the last one is acknowledged."""
    if postgres.found() is None:
        raise NotHere("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    _, other = two_cores()
    with setting.room() as folder:
        async with postgres.cluster(setting, other) as url:
            config = attrs.evolve(town_config(folder), database_url=url, secret="a secret of the benchmark, no other")
            async with open_migrator(config) as migrator:
                await migrator.up()
            async with open_chat(config=config) as chat:
                town = await settle(chat, SENDERS)
                began, used = perf_counter(), process_time()
                took = await send_all(town, began + setting.choose(8, 3))
                whole, used = perf_counter() - began, process_time() - used
    seen = spread(took)
    yield Figure(f"{SENDERS} senders, PostgreSQL: durable messages", len(took) / whole, "/s", AtLeast(5000))
    yield Figure(f"{SENDERS} senders, PostgreSQL: acknowledged after, p50", seen.p50 * 1000, "ms")
    yield Figure(f"{SENDERS} senders, PostgreSQL: acknowledged after, p99", seen.p99 * 1000, "ms")
    yield Figure(f"{SENDERS} senders, PostgreSQL: our processor time a message", used / len(took) * 1e6, "µs")
