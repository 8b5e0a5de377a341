"""A benchmark: a name, what it is about, and what it measures."""

from collections.abc import AsyncIterator, Callable

import attrs

from benchmarks.figure import Figure
from benchmarks.setting import Setting

Measure = Callable[[Setting], AsyncIterator[Figure]]
"""An async generator that yields each figure as soon as it is known. It ends by itself, and cleans up after itself."""


@attrs.frozen
class Benchmark:
    """`about` is one line for `--list`."""

    name: str
    about: str
    measure: Measure
