"""Is the server alive, and is every part of it working?"""

import shutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import trio

from chatcore import Chat
from chatcore.chat import data_dir

MIN_FREE_BYTES = 100 * 1024 * 1024
"""With less free space than this the server is not ready: what it acknowledges must fit."""
PATIENCE = 5.0
"""Seconds after which a part that does not answer counts as down."""


@cache
def version() -> str:
    """The version of the installed distribution."""
    return metadata.version("chatcore")


Watched = Mapping[str, Callable[[], Mapping[str, Any]]]


async def checks(chat: Chat, watched: Watched = MappingProxyType({})) -> dict[str, dict[str, Any]]:
    """Part -> `{"ok": bool}` and, for the disk, the free bytes. What else a part says of itself is for the log.

    `watched`: parts beside those of the chat.
    """
    found: dict[str, dict[str, Any]] = {}
    with trio.move_on_after(PATIENCE):
        parts = await chat.health()
        found = {name: {"ok": part.get("ok") is True} for name, part in parts.items() if isinstance(part, dict)}
    if not found:
        found = {"chat": {"ok": False}}
    found |= {name: {"ok": health().get("ok") is True} for name, health in watched.items()}
    free = await trio.to_thread.run_sync(_free_bytes, _places(chat), abandon_on_cancel=True)
    if free is not None:
        found["disk"] = {"ok": free >= MIN_FREE_BYTES, "freeBytes": free}
    return found


def _places(chat: Chat) -> list[Path]:
    home = data_dir(chat.config.database_url)
    return [Path(chat.config.upload_dir), *([] if home is None else [home])]


def _free_bytes(places: list[Path]) -> int | None:
    """The least free space where data is kept; None when none of the places exists yet."""
    free = [shutil.disk_usage(place).free for place in places if place.is_dir()]
    return min(free) if free else None
