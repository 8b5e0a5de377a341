"""`python -m benchmarks.soak [--seconds N]`."""

import argparse
import sys
from collections.abc import AsyncIterator

from benchmarks.benchmark import Benchmark
from benchmarks.figure import Figure
from benchmarks.running import run_all
from benchmarks.setting import Setting
from benchmarks.soak.soak import measure


def main() -> int:
    """The exit status: 1 when it crashed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description="Hours of steady load, then a table."
    )
    parser.add_argument("--seconds", type=float, default=7200, help="how long (default: two hours)")
    seconds = parser.parse_args().seconds

    def soak(setting: Setting) -> AsyncIterator[Figure]:
        return measure(setting, seconds)

    return run_all([Benchmark("soak", "hours of steady load", soak)], quick=False)


if __name__ == "__main__":
    sys.exit(main())
