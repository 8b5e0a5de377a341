"""What became of a commit whose answer was lost."""

import asyncio
from typing import Any

import asyncpg

from chat_storage_postgres.faults import is_lost
from chat_storage_postgres.link import Link
from chatcore.errors import Unavailable

_STATUS = "SELECT pg_xact_status($1::text::xid8)"
_PAUSE = 0.05


async def verdict(link: Link, xid: str, seconds: float) -> str | None:
    """`committed` or `aborted`; None when that cannot be found out in so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (left := deadline - loop.time()) > 0:
        try:
            status = await _ask(await link.get(left), xid)
        except Unavailable:
            return None
        except asyncpg.PostgresError as error:
            if not is_lost(error):
                return None  # a server that never heard of this transaction: not ours any more
            link.drop(error)
        except (asyncpg.InterfaceError, OSError) as error:
            link.drop(error)
        else:
            if status != "in progress":
                return status
        await asyncio.sleep(_PAUSE)
    return None


async def _ask(raw: Any, xid: str) -> str | None:
    status: str | None = await raw.fetchval(_STATUS, xid)
    return status
