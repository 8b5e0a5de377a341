"""`python -m benchmarks [name …] [--quick] [--list]`."""

import sys

from benchmarks.catalogue import BENCHMARKS
from benchmarks.running import choose_and_run

if __name__ == "__main__":
    sys.exit(choose_and_run("python -m benchmarks", BENCHMARKS))
