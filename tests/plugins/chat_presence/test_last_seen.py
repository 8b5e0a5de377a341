"""When people were last there, kept over restarts: on the real storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from chat_presence import GRACE_SECONDS, MemoryPresence, open_presence
from chat_presence.last_seen import BATCH, GATHER_SECONDS
from chat_storage_sqlite import open_sqlite
from chatcore.config import Config
from chatcore.errors import Unavailable
from chatcore.ids import UserId
from chatcore.model import Presence, User
from chatcore.ports import ProviderContext, Storage
from chatcore.testing.clock import FakeClock
from chatcore.testing.presence import ADA, BOB, NOBODY, OFFLINE, ONLINE


@asynccontextmanager
async def opened(path: Path | None, clock: FakeClock) -> AsyncIterator[tuple[MemoryPresence, Storage]]:
    """A tracker on the database in this file (None: in memory)."""
    url = "memory:" if path is None else f"sqlite:///{path}"
    context = ProviderContext(config=Config(database_url=url), clock=clock, data_dir=None)
    async with open_sqlite(context) as storage, open_presence(attrs.evolve(context, storage=storage)) as tracker:
        yield tracker, storage


async def add(storage: Storage, user_id: UserId, clock: FakeClock) -> None:
    now = clock.now()
    user = User(id=user_id, email=f"{user_id}@example.org", display_name="x", created_at=now, updated_at=now)
    await storage.write(lambda tx: tx.users.insert(user))


async def row(storage: Storage, user_id: UserId) -> Presence | None:
    return await storage.read(lambda tx: tx.presence.get(user_id))


async def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "chat.db", FakeClock()
    async with opened(path, clock) as (tracker, storage):
        for user_id in (ADA, BOB):
            await add(storage, user_id, clock)
            await tracker.connect(user_id, "laptop", ONLINE)
        left = clock.now()
        await tracker.disconnect(ADA, "laptop")
        clock.jump(600)  # Bob is there until the end, Ada within her grace
        end = clock.now()
    clock.jump(3600)
    async with opened(path, clock) as (tracker, _):
        known = await tracker.get([ADA, BOB, NOBODY])
    assert [each.status for each in known.values()] == [OFFLINE] * 3
    ada, bob = known[ADA].last_seen, known[BOB].last_seen
    assert ada is not None
    assert bob is not None
    assert 0 <= (ada - left).total_seconds() < 60
    assert 0 <= (bob - end).total_seconds() < 60
    assert known[NOBODY].last_seen is None


async def test_a_departure_is_written_soon_and_once(autojump_clock: trio.testing.MockClock) -> None:
    clock = FakeClock()
    async with opened(None, clock) as (tracker, storage):
        await add(storage, ADA, clock)
        await tracker.connect(ADA, "laptop", ONLINE)
        assert await row(storage, ADA) is None
        await trio.sleep(GATHER_SECONDS + 0.1)
        assert await row(storage, ADA) is not None
        await tracker.disconnect(ADA, "laptop")
        await trio.sleep(GRACE_SECONDS + GATHER_SECONDS + 0.1)
        assert await row(storage, ADA) == (await tracker.get([ADA]))[ADA]


async def test_who_connects_unseen_was_last_seen_as_before(tmp_path: Path) -> None:
    path, clock = tmp_path / "chat.db", FakeClock()
    async with opened(path, clock) as (tracker, storage):
        await add(storage, ADA, clock)
        await tracker.connect(ADA, "laptop", ONLINE)
        await tracker.update(ADA, "laptop", OFFLINE)
        hidden = (await tracker.get([ADA]))[ADA]
    clock.jump(3600)
    async with opened(path, clock) as (tracker, _):
        await tracker.connect(ADA, "laptop", OFFLINE)
        clock.jump(3600)
    async with opened(path, clock) as (tracker, _):
        assert (await tracker.get([ADA]))[ADA] == hidden


async def test_a_crowd_is_written_in_parts_and_strangers_are_left_out(autojump_clock: trio.testing.MockClock) -> None:
    crowd = [UserId(f"01890a5d-ac96-774b-bcce-{number:012x}") for number in range(2 * BATCH + 50)]
    clock = FakeClock()
    async with opened(None, clock) as (tracker, storage):
        for user_id in crowd:
            await add(storage, user_id, clock)
        for user_id in [NOBODY, *crowd]:
            await tracker.connect(user_id, "laptop", ONLINE)
        await trio.sleep(GATHER_SECONDS + 0.1)
        assert len(await storage.read(lambda tx: tx.presence.find())) == len(crowd)


async def test_while_the_storage_is_away_presence_goes_on(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    async with opened(None, clock) as (tracker, storage):
        await add(storage, ADA, clock)

        async def away(self: Storage, work: object) -> None:
            raise Unavailable("The storage is away; try again.")

        with monkeypatch.context() as patch:
            for name in ("read", "write"):
                patch.setattr(type(storage), name, away)
            await tracker.connect(ADA, "laptop", ONLINE)
            known = await tracker.get([ADA, BOB])
            assert (known[ADA].status, known[BOB].status) == (ONLINE, OFFLINE)
            await trio.sleep(GATHER_SECONDS + 0.1)
        assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
        await tracker.connect(BOB, "laptop", ONLINE)  # the next note takes the waiting one along
        await trio.sleep(GATHER_SECONDS + 0.1)
        assert await row(storage, ADA) is not None
