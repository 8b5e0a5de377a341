"""Where a run may write, and how thorough it is."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

CACHE = Path(__file__).parent / ".cache"
"""Beside the benchmarks, so on the disk of the checkout: a temporary folder in memory would make every commit free."""


@attrs.frozen(kw_only=True)
class Setting:
    """`folder` is this run's own, and is removed after it; `cache` stays for the next run."""

    quick: bool
    folder: Path
    cache: Path = CACHE

    def choose(self, thorough: int, quick: int) -> int:
        """How often, how many, how long."""
        return quick if self.quick else thorough

    @contextmanager
    def room(self) -> Iterator[Path]:
        """An empty folder for one benchmark."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)


@contextmanager
def begin(*, quick: bool) -> Iterator[Setting]:
    """A setting with a folder of its own. What an earlier run left behind when it was killed is removed first."""
    CACHE.mkdir(exist_ok=True)
    for left in CACHE.glob("run-*"):
        if not _alive(int(left.name.split("-")[1])):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=CACHE) as folder:
        yield Setting(quick=quick, folder=Path(folder))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
