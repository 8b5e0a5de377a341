"""What PostgreSQL does for the queries that everything waits for, in a large database: it looks into indexes, and walks
through no large table.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
import trio
from tests.plugins.chat_storage_postgres.conftest import migrate
from tests.services.postgres import Postgres

from chat_storage_postgres import open_postgres
from chat_storage_postgres.connection import Connection
from chatcore.config import Config
from chatcore.model import MessagePage
from chatcore.ports import ProviderContext, Search, Storage, Tx
from chatcore.testing.clock import FakeClock
from chatcore.testing.values import make_post

USERS, CHANNELS, MESSAGES = 10_000, 200, 1_000_000
LARGE = 5_000
"""Rows from which on a table is large."""

# All in one workspace, which is the hard case: nothing is divided by it. Every user is in 20 channels; the words are
# drawn from a few thousand, one of them (`common`) is in a third of the messages.
_FILL = f"""
    SET synchronous_commit = off; SET session_replication_role = replica; SET maintenance_work_mem = '512MB';
    CREATE FUNCTION id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
        $$ SELECT ('01900000-' || kind || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
    INSERT INTO users (id, email, display_name, created_at, updated_at)
        SELECT id('000a', n), 'user' || n || '@example.org', 'User ' || n, now(), now()
        FROM generate_series(1, {USERS}) n;
    INSERT INTO workspaces (id, name, slug, created_by, created_at, updated_at, seq)
        VALUES (id('000b', 1), 'Town', 'town', id('000a', 1), now(), now(), {MESSAGES});
    INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
        SELECT id('000b', 1), id('000a', n), 'member', now() FROM generate_series(1, {USERS}) n;
    INSERT INTO channels (id, workspace_id, name, created_by, created_at, updated_at, position)
        SELECT id('000c', n), id('000b', 1), 'channel-' || n, id('000a', 1), now(), now(), {MESSAGES // CHANNELS}
        FROM generate_series(1, {CHANNELS}) n;
    INSERT INTO channel_members (channel_id, user_id, joined_at)
        SELECT DISTINCT id('000c', (n * 7 + k * 13) % {CHANNELS} + 1), id('000a', n), now()
        FROM generate_series(1, {USERS}) n, generate_series(1, 20) k;
    DROP INDEX idx_messages_search, idx_messages_user_id, idx_messages_channel_id, idx_messages_seq;
    INSERT INTO messages (id, workspace_id, channel_id, user_id, content, temp_id, seq, position, created_at, search)
        SELECT id('000d', n), id('000b', 1), id('000c', n % {CHANNELS} + 1), id('000a', n % {USERS} + 1), 'text ' || n,
            't' || n, n, n / {CHANNELS}, now(),
            ('''c:' || id('000c', n % {CHANNELS} + 1) || ''' ''u:' || id('000a', n % {USERS} + 1) || ''' w'
                || n * 7919 % 3000 || ':1 v' || n * 104729 % 5000 || ':2'
                || CASE WHEN n % 3 = 0 THEN ' common:3' ELSE '' END)::tsvector
        FROM generate_series(1::bigint, {MESSAGES}) n;
    CREATE UNIQUE INDEX idx_messages_seq ON messages (workspace_id, seq);
    CREATE INDEX idx_messages_channel_id ON messages (channel_id, seq) WHERE thread_id IS NULL;
    CREATE INDEX idx_messages_user_id ON messages (user_id);
    CREATE INDEX idx_messages_search ON messages USING gin (search);
    INSERT INTO events (workspace_id, seq, type, scope, channel_id, data, created_at)
        SELECT id('000b', 1), n, 'message_received', 'channel', id('000c', n % {CHANNELS} + 1), '{{}}', now()
        FROM generate_series(1::bigint, {MESSAGES}) n;
    INSERT INTO sessions (id, user_id, token_id, rotated_at, created_at, expires_at)
        SELECT id('000e', n), id('000a', n), id('000f', n), now(), now(), now() FROM generate_series(1, {USERS}) n;
    INSERT INTO message_reactions (message_id, user_id, emoji, created_at)
        SELECT id('000d', n * 10), id('000a', n % {USERS} + 1), '+', now() FROM generate_series(1, {MESSAGES // 10}) n;
    ANALYZE;
"""


def id_of(kind: str, number: int) -> Any:
    return f"01900000-{kind}-7000-8000-{number:012x}"


USER, WORKSPACE, CHANNEL = id_of("000a", 77), id_of("000b", 1), id_of("000c", 8)
MESSAGE = id_of("000d", MESSAGES // 2 + 7)


@pytest.fixture(scope="module")
def large(postgres: Postgres) -> str:
    """The URL of a large database."""
    url = postgres.new_database()
    trio.run(migrate, url)
    postgres.sql(_FILL, url.partition("@/")[2].partition("?")[0])
    return url


@contextmanager
def explaining(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """Collects (statement, plan) for everything that is executed meanwhile."""
    plans: list[tuple[str, Any]] = []
    do = Connection._do

    async def explained(self: Connection, method: Any, sql: str, values: tuple[Any, ...]) -> Any:
        if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", sql):
            # As the server plans what it has prepared: without knowing the values, too. And by what it knows of the
            # tables: that it is told to shun sequential scans, until it knows something, would only hide one.
            await self.raw.execute("SET enable_seqscan = on")
            for mode in ("force_custom_plan", "force_generic_plan"):
                await self.raw.execute(f"SET plan_cache_mode = {mode}")
                text = await self.raw.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)
                plans.append((sql, json.loads(text)[0]["Plan"]))
            await self.raw.execute("RESET plan_cache_mode")
            await self.raw.execute("SET enable_seqscan = off")
        return await do(self, method, sql, values)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "_do", explained)
        yield plans


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def post(storage: Storage) -> None:
    async def look(tx: Tx) -> Any:
        return await tx.channels.get(CHANNEL), (await tx.users.get(USER))

    channel, user = await storage.read(look)
    (member,) = await storage.read(lambda tx: tx.channel_members.find(channel_id=CHANNEL, limit=1))
    author = await storage.read(lambda tx: tx.users.get(member.user_id))
    assert author is not None
    await storage.post(make_post(channel, author or user, "hello", temp_id="one"))


def reading(work: Callable[[Tx], Awaitable[Any]]) -> Callable[[Storage], Awaitable[Any]]:
    return lambda storage: storage.read(work)


def page(**options: Any) -> Callable[[Tx], Awaitable[MessagePage]]:
    values: dict[str, Any] = {"before": None, "after": None, "limit": 50} | options
    return lambda tx: tx.messages.page(CHANNEL, **values)


def search(text: str, **options: Any) -> Callable[[Tx], Awaitable[MessagePage]]:
    channels = tuple(id_of("000c", number) for number in range(1, 21))
    return lambda tx: tx.messages.search(Search(text=text, channels=channels, **options))


HOT: dict[str, Callable[[Storage], Awaitable[Any]]] = {
    "post": post,
    "history": reading(page()),
    "history before": reading(page(before=MESSAGE)),
    "history after": reading(page(after=MESSAGE)),
    "thread": reading(lambda tx: tx.messages.thread(MESSAGE, before=None, after=None, limit=50)),
    "message": reading(lambda tx: tx.messages.get(MESSAGE)),
    "channel list": reading(lambda tx: tx.channels.summaries(WORKSPACE, USER, public=False)),
    "workspace list": reading(lambda tx: tx.workspaces.of_user(USER)),
    "replay": reading(lambda tx: tx.events.since(WORKSPACE, MESSAGES - 500, limit=500)),
    "mark read": lambda storage: storage.write(lambda tx: tx.reads.move(CHANNEL, USER, MESSAGE)),
    "search rare": reading(search("w17 v4711")),
    "search common": reading(search("common")),
    "search by author": reading(search("common", author_id=USER)),
    "session": reading(lambda tx: tx.sessions.get(id_of("000e", 5))),
    "sign in": reading(lambda tx: tx.users.find(email="user5@example.org")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOT)
async def test_no_large_table_is_walked_through(name: str, large: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = await _large_tables(large)
    context = ProviderContext(config=Config(database_url=large), clock=FakeClock(), data_dir=None)
    async with open_postgres(context) as storage:
        with explaining(monkeypatch) as plans:
            await HOT[name](storage)
    assert plans
    for sql, plan in plans:
        walked = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert not walked & raw, (sql, json.dumps(plan, indent=1))


async def _large_tables(url: str) -> set[str]:
    def ask() -> set[str]:
        import asyncio

        async def run() -> set[str]:
            raw = await asyncpg.connect(url)
            rows = await raw.fetch(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= {LARGE}")
            await raw.close()
            return {name for (name,) in rows}

        return asyncio.run(run())

    found = await trio.to_thread.run_sync(ask)
    assert {"messages", "events", "channel_members", "users"} <= found
    return found
