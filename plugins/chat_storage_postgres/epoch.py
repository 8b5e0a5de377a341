"""The epoch of the event log: the name of one history.

A cursor from a history that was lost must never be mistaken for one of the history that replaced it. A dump that was
restored lives in another database; a server that was set back to an earlier time, or a standby that took over without
the last of what its primary had, is on another timeline. Each begins a new epoch.
"""

from typing import Any
from uuid import uuid4

import asyncpg

_PLACE = """
    SELECT (SELECT system_identifier FROM pg_control_system())::text || ':' ||
        (SELECT oid FROM pg_database WHERE datname = current_database())::text || ':' ||
        (SELECT timeline_id FROM pg_control_checkpoint())::text
"""
_PLACE_OF_DATABASE = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
_SAVE = """
    INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_LOCK = 0x63686174_65706F63
"""`chatepoc`, as the key of an advisory lock."""


async def begin_epoch(raw: Any) -> str:
    """The epoch of the database, a new one if need be."""
    place = await _place(raw)
    known = await _known(raw)
    if known.get("place") == place and "epoch" in known:
        return known["epoch"]
    async with raw.transaction():
        await raw.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        known = await _known(raw)  # another node may have been faster
        if known.get("place") == place and "epoch" in known:
            return known["epoch"]
        epoch = uuid4().hex
        await raw.execute(_SAVE, "epoch", epoch)
        await raw.execute(_SAVE, "place", place)
    return epoch


async def keep_epoch(raw: Any, epoch: str) -> None:
    """What this database holds now is that history, moved here."""
    await raw.execute(_SAVE, "epoch", epoch)
    await raw.execute(_SAVE, "place", await _place(raw))


async def _known(raw: Any) -> dict[str, str]:
    return dict(await raw.fetch("SELECT key, value FROM meta WHERE key IN ('epoch', 'place')"))


async def _place(raw: Any) -> str:
    """Where this history is written."""
    try:
        place: str = await raw.fetchval(_PLACE)
    except asyncpg.InsufficientPrivilegeError:  # some who rent out databases keep the server's state to themselves
        place = await raw.fetchval(_PLACE_OF_DATABASE)
    return place
