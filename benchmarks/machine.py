"""What a run was measured on, in one line: figures mean nothing without it."""

import os
import platform
import sqlite3
from pathlib import Path
from time import perf_counter

from benchmarks.spread import spread

_SYNCS = 200


def describe(folder: Path) -> str:
    """Cores, versions, how fast Python is here, and what one durable write to this folder costs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    return (
        f"{cores} cores, load {load:.1f} at the start · {platform.system()} {platform.release()} · "
        f"Python {platform.python_version()} · SQLite {sqlite3.sqlite_version} · "
        f"a million steps of Python: {loop_ms():.0f} ms · write + fdatasync of 4 KiB: p50 {sync_ms(folder):.2f} ms"
    )


def loop_ms() -> float:
    """Milliseconds for a million additions: the median of a few, so that a disturbed machine shows."""
    durations = []
    for _ in range(9):
        began, total = perf_counter(), 0
        for step in range(1_000_000):
            total += step
        durations.append((perf_counter() - began) * 1000)
    return spread(durations).p50


def sync_ms(folder: Path) -> float:
    """Median milliseconds that it takes to append 4 KiB to a file and have it on the disk."""
    path = folder / "sync"
    sync = getattr(os, "fdatasync", os.fsync)
    durations = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = perf_counter()
            file.write(b"x" * 4096)
            sync(file.fileno())
            durations.append((perf_counter() - began) * 1000)
    path.unlink()
    return spread(durations).p50
