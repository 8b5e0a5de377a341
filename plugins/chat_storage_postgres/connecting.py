"""Connecting to PostgreSQL: the URL, the settings of a session, and what a server must be like."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import attrs

from chat_storage_postgres.faults import is_lost
from chatcore.errors import ConfigError, Unavailable

T = TypeVar("T")

CONNECT_SECONDS = 2.0
"""For one attempt (specification §9)."""
LOCK_SECONDS = 4
"""How long a statement waits for a lock that another node holds."""
IDLE_SECONDS = 3
"""How long a transaction of a writer may stand still. A node whose cable was pulled keeps the locks of the workspaces
in which it was about to write, and keeps everybody else from them, until PostgreSQL ends its transaction: sooner than
the others give up waiting."""
READ_SECONDS, WRITE_SECONDS = 10, 30
"""The longest statement. A large deletion may take its time; a page of messages may not."""
MINIMUM = 130_000
"""PostgreSQL 13: `pg_current_xact_id` and its kin."""

_FACTS = """
    SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
        current_setting('synchronous_commit'), pg_is_in_recovery()
"""
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidPasswordError,
    asyncpg.ClientConfigurationError,
)


@attrs.frozen
class Purpose:
    """What a connection is for. `target`: which of the URL's servers will do; `longest`: seconds for a statement;
    `idle`: seconds between two statements of a transaction; `plans`: what PostgreSQL calls `plan_cache_mode`.
    """

    name: str
    target: str
    read_only: bool
    longest: int
    idle: int = 60
    plans: str = "auto"


READING = Purpose("chatcore-read", "primary", read_only=True, longest=READ_SECONDS)
# Left to itself, PostgreSQL compares plans by what the first five executions looked like. Those write a message or two,
# and it would plan the statement that writes fifty of them anew each time, which is a sixth of what it does for them.
WRITING = Purpose(
    "chatcore", "read-write", read_only=False, longest=WRITE_SECONDS, idle=IDLE_SECONDS, plans="force_generic_plan"
)
COPYING = Purpose("chatcore-replica", "any", read_only=True, longest=READ_SECONDS)
UPKEEP = Purpose("chatcore-migrate", "read-write", read_only=False, longest=0)


def place_of(url: str) -> str:
    """The URL as messages may show it: without user and password."""
    return re.sub(r"(?<=//)[^/]*@", "", url.partition("?")[0])


def check_url(url: str, setting: str = "DATABASE_URL") -> None:
    """Raises ConfigError for a URL that names no PostgreSQL database."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"{setting}: is no URL: {error}") from error
    if parts.scheme not in ("postgresql", "postgres"):
        raise ConfigError(f"{setting}: is no PostgreSQL database; write postgresql://user:password@host/chat")


async def connect(url: str, purpose: Purpose) -> Any:
    """A connection of asyncpg. Raises ConfigError for what will not change by itself, and what `is_lost` knows."""
    settings = {
        "application_name": purpose.name,
        "timezone": "UTC",
        # What is asked here takes milliseconds; compiling it would take longer.
        "jit": "off",
        # A statement that was planned while its tables were small goes on reading them from end to end until they are
        # analysed, which is a minute: 6,000 messages later a commit took 400 ms. Everything that is hot has an index.
        "enable_seqscan": "off",
        "plan_cache_mode": purpose.plans,
        "lock_timeout": f"{LOCK_SECONDS}s",
        "statement_timeout": f"{purpose.longest}s",
        "idle_in_transaction_session_timeout": f"{purpose.idle}s",
    }
    if purpose.read_only:
        # A writer does not ask for the opposite: that would overrule a server that was made read-only, for a failover.
        settings["default_transaction_read_only"] = "on"
    try:
        raw = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            target_session_attrs=purpose.target,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            server_settings=settings,
        )
    except _REFUSED as error:
        raise ConfigError(f"DATABASE_URL: {place_of(url)} refuses us: {error}") from error
    except (ValueError, asyncpg.InterfaceError) as error:
        if is_lost(error):
            raise
        raise ConfigError(f"DATABASE_URL: cannot be used: {error}") from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _prepare(raw, url)
    except BaseException:
        raw.terminate()
        raise
    return raw


async def goodbye(raw: Any) -> None:
    """Disconnect: politely if that is quick, and at any rate."""
    try:
        await raw.close(timeout=1)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        raw.terminate()


async def patiently(attempt: Callable[[], Awaitable[T]], seconds: float, first_delay: float = 0.05) -> T:
    """Try until it works, or so long. Raises Unavailable."""
    loop = asyncio.get_running_loop()
    deadline, delay = loop.time() + seconds, first_delay
    while True:
        try:
            return await attempt()
        except Exception as error:
            if not is_lost(error):
                raise
            if loop.time() + delay > deadline:
                raise Unavailable("The database does not answer. Try again in a moment.") from error
        await asyncio.sleep(delay)
        delay = min(2 * delay, 0.5)


async def _prepare(raw: Any, url: str) -> None:
    # Ids are text everywhere in this program; asyncpg would make objects of them.
    await raw.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")
    version, encoding, commit, _ = await raw.fetchrow(_FACTS)
    if version < MINIMUM:
        raise ConfigError(f"DATABASE_URL: {place_of(url)} is PostgreSQL {version // 10000}; 13 or newer is needed")
    if encoding != "UTF8":
        raise ConfigError(f"DATABASE_URL: {place_of(url)} has the encoding {encoding}; make it with UTF8")
    if commit in ("off", "local"):
        # An acknowledged message is on the disk, whatever the server does for others.
        await raw.execute("SET synchronous_commit = on")
