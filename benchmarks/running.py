"""Running benchmarks one after the other and printing what they find."""

import argparse
import os
import time
import traceback
from collections.abc import Sequence

import trio

from benchmarks import machine, table
from benchmarks.benchmark import Benchmark
from benchmarks.errors import NotHere
from benchmarks.figure import missing
from benchmarks.setting import Setting, begin


def choose_and_run(program: str, benchmarks: Sequence[Benchmark], arguments: Sequence[str] | None = None) -> int:
    """Run those that the command line names. Returns the exit status of `run_all`, or 2 for a name that is none."""
    names = [benchmark.name for benchmark in benchmarks]
    parser = argparse.ArgumentParser(prog=program, description="Measure, and print a table.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"all of them by default: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    options = parser.parse_args(arguments)
    for unknown in sorted(set(options.names) - set(names)):
        parser.error(f"there is no benchmark {unknown!r}: choose from {', '.join(names)}")
    chosen = [benchmark for benchmark in benchmarks if not options.names or benchmark.name in options.names]
    if not options.list:
        return run_all(chosen, quick=options.quick)
    for benchmark in chosen:
        print(f"{benchmark.name:<16}{benchmark.about}")
    return 0


def run_all(benchmarks: Sequence[Benchmark], *, quick: bool) -> int:
    """Run these, and print a table. Returns the exit status: 1 when one crashed, 0 otherwise, targets met or not."""
    with begin(quick=quick) as setting:
        print(machine.describe(setting.folder))
        print(table.header(), flush=True)
        began, missed, crashed = time.monotonic(), 0, 0
        for benchmark in benchmarks:
            try:
                missed += trio.run(_run, benchmark, setting)
            except Exception:
                crashed += 1
                print(f"{benchmark.name}: crashed\n{traceback.format_exc()}", flush=True)
        took, load = time.monotonic() - began, os.getloadavg()[0]
        print(f"\n{took:.0f} s, {missed} below target, {crashed} crashed; load {load:.1f} at the end")
    return 1 if crashed else 0


async def _run(benchmark: Benchmark, setting: Setting) -> int:
    """Print each figure as it comes; how many miss their target."""
    misses = 0
    try:
        async for figure in benchmark.measure(setting):
            print(table.line(figure), flush=True)
            misses += figure.verdict == "MISS"
    except NotHere as reason:
        print(table.line(missing(benchmark.name, str(reason))), flush=True)
    return misses
