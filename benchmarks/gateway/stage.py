"""A server that waits for its load."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import attrs

from benchmarks.setting import Setting


@attrs.frozen(kw_only=True)
class Stage:
    """`tokens` is a file with one access token a line. `dialect`: which protocol the load has to speak."""

    dialect: str
    port: int
    pid: int
    workspace_id: str
    channel_id: str
    tokens: Path


Contestant = Callable[[Setting, int], AbstractAsyncContextManager[Stage]]
"""Sets a stage for so many people, all members of one channel."""


def write_tokens(folder: Path, tokens: list[str]) -> Path:
    """The file that the load reads."""
    path = folder / "tokens"
    path.write_text("".join(f"{token}\n" for token in tokens))
    return path
